/** Figures and times as people read them: true minus, signs, space before the percent. */

const MINUS = "−";

/** A strength with its sign, as `+0.80`, `−1.50` or `0.00`. */
export function strength(value: number, digits = 2): string {
  const shown = Math.abs(value).toFixed(digits);
  if (Number(shown) === 0) return shown;
  return (value < 0 ? MINUS : "+") + shown;
}

/** A strength for a screen reader: "plus 0.80". */
export function spokenStrength(value: number): string {
  const shown = Math.abs(value).toFixed(2);
  if (Number(shown) === 0) return "0";
  return `${value < 0 ? "minus" : "plus"} ${shown}`;
}

export function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`.replace("-", MINUS);
}

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** "1 vector", "12 vectors". */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A name made of lower-case words and underscores as a title: "upper_lip", "Upper lip". */
export function titled(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function clock(date: Date): string {
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

function dayStart(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** When something happened: "just now", "4 min ago", "today 13:51", "yesterday 9:02", "2 March". */
export function when(at: string, now: Date): string {
  const date = new Date(at);
  const seconds = (now.getTime() - date.getTime()) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  const days = Math.round((dayStart(now) - dayStart(date)) / 86_400_000);
  if (days <= 0) return `today ${clock(date)}`;
  if (days === 1) return `yesterday ${clock(date)}`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()] ?? ""}`;
  return date.getFullYear() === now.getFullYear() ? day : `${day} ${date.getFullYear()}`;
}

/** The short form beside a revision: the clock today, else the day. */
export function shortWhen(at: string, now: Date): string {
  const date = new Date(at);
  return dayStart(date) === dayStart(now) ? clock(date) : when(at, now);
}

/** The heading of an hour: "Today, 13:00", "Yesterday, 9:00", "2 March, 14:00". */
export function hourHeading(at: string, now: Date): string {
  const date = new Date(at);
  const days = Math.round((dayStart(now) - dayStart(date)) / 86_400_000);
  const hour = `${date.getHours()}:00`;
  if (days <= 0) return `Today, ${hour}`;
  if (days === 1) return `Yesterday, ${hour}`;
  return `${date.getDate()} ${MONTHS[date.getMonth()] ?? ""}, ${hour}`;
}

/** Time left, in steps of 0.5 s under 10 s and of 5 s above: "about 1.5 s left". */
export function timeLeft(seconds: number): string {
  if (seconds < 10) return `about ${Math.max(0.5, Math.round(seconds * 2) / 2)} s left`;
  if (seconds < 100) return `about ${Math.round(seconds / 5) * 5} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

/** How far a job is: "18 of 30 steps · about 1.5 s left"; the time only from step 5 on. */
export function progressWords(
  step: number,
  numSteps: number,
  secondsLeft: number | null | undefined,
): string {
  const steps = `${step} of ${numSteps} steps`;
  if (secondsLeft === null || secondsLeft === undefined || step < 5 || step >= numSteps)
    return steps;
  return `${steps} · ${timeLeft(secondsLeft)}`;
}

function ordinal(number: number): string {
  const tens = number % 100;
  const ending = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}

/** What a job in the queue says. */
export function waitingWords(place: number | null | undefined, seconds?: number | null): string {
  if (!place) return "Waiting for a free worker.";
  const time = seconds ? `, about ${Math.max(5, Math.round(seconds / 5) * 5)} s` : "";
  return `Waiting for a free worker. You are ${ordinal(place)}${time}.`;
}

/** Bytes for people: "3.4 MB". */
export function fileSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Keeps pages fresh: team events arrive over one socket and say what to read again. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { refreshTopic, type Topic } from "./queries";

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const GATHER_MS = 150; // a burst of events is one reading
const ASKED_TO_SIGN_IN = 4401;

const TOPICS: readonly Topic[] = [
  "images",
  "library",
  "jobs",
  "team",
  "notifications",
  "families",
];

/** The topic of an event; null for messages this browser does not know. */
export function topicOf(text: string): Topic | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  const { type, topic } = message as { type?: unknown; topic?: unknown };
  return type === "team" ? (TOPICS.find((known) => known === topic) ?? null) : null;
}

export function useTeamEvents(isSignedIn: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!isSignedIn) return;
    let socket: WebSocket | null = null;
    let retry = 0;
    let retryTimer: number | undefined;
    let gatherTimer: number | undefined;
    let isOver = false;
    const due = new Set<Topic>();

    const gather = (topic: Topic) => {
      due.add(topic);
      gatherTimer ??= window.setTimeout(() => {
        gatherTimer = undefined;
        for (const topic of due) refreshTopic(client, topic);
        due.clear();
      }, GATHER_MS);
    };
    const connect = () => {
      socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/events/`);
      socket.onopen = () => {
        // What happened while the line was down was not heard.
        if (retry > 0) TOPICS.forEach(gather);
        retry = 0;
      };
      socket.onmessage = (event) => {
        const topic = typeof event.data === "string" ? topicOf(event.data) : null;
        if (topic) gather(topic);
      };
      socket.onclose = (event) => {
        if (isOver || event.code === ASKED_TO_SIGN_IN) return;
        const wait =
          Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** retry) * (0.7 + Math.random() * 0.6);
        retry += 1;
        retryTimer = window.setTimeout(connect, wait);
      };
    };
    connect();
    return () => {
      isOver = true;
      window.clearTimeout(retryTimer);
      window.clearTimeout(gatherTimer);
      socket?.close();
    };
  }, [client, isSignedIn]);
}

/** What is said to everybody: sentences for the live regions, and notes with an undo. */

import { create } from "zustand";

export interface Toast {
  readonly id: number;
  readonly words: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface Live {
  readonly polite: string;
  readonly assertive: string;
  readonly toasts: readonly Toast[];
}

const TOAST_MS = 8000;
let lastId = 0;

export const useLive = create<Live>(() => ({ polite: "", assertive: "", toasts: [] }));

/** Says a sentence in the one polite live region of the page. */
export function announce(words: string): void {
  useLive.setState({ polite: words });
}

export function announceError(words: string): void {
  useLive.setState({ assertive: words });
}

export function dismissToast(id: number): void {
  useLive.setState((live) => ({ toasts: live.toasts.filter((toast) => toast.id !== id) }));
}

/** Shows a note at the foot of the screen for a while, often with an undo. */
export function toast(words: string, action?: Toast["action"]): void {
  lastId += 1;
  const note: Toast = { id: lastId, words, ...(action ? { action } : {}) };
  useLive.setState((live) => ({ polite: words, toasts: [...live.toasts.slice(-2), note] }));
  window.setTimeout(() => dismissToast(note.id), TOAST_MS);
}

/** Which vectors are tried on which picture? Kept for the visit, so that pages can be left. */

import { create } from "zustand";

import type { EditVector } from "../../api/client";

export interface Tried {
  readonly vector: EditVector;
  readonly strength: number;
}

interface TryOut {
  readonly isOpen: boolean;
  readonly imageId: string | null;
  readonly stack: readonly Tried[];
}

const MOST = 8;
const FIRST_STRENGTH = 1;

export const useTryOut = create<TryOut>(() => ({ isOpen: false, imageId: null, stack: [] }));

const isOf = (vector: EditVector) => (tried: Tried) => tried.vector.id === vector.id;

export function tryAlone(vector: EditVector): void {
  useTryOut.setState({ isOpen: true, stack: [{ vector, strength: FIRST_STRENGTH }] });
}

/** Adds a vector to those tried; false if there is no room for another. */
export function tryTogether(vector: EditVector): boolean {
  const { stack } = useTryOut.getState();
  const isThere = stack.some(isOf(vector));
  if (!isThere && stack.length >= MOST) return false;
  useTryOut.setState({
    isOpen: true,
    stack: isThere ? stack : [...stack, { vector, strength: FIRST_STRENGTH }],
  });
  return true;
}

export function setStrength(vector: EditVector, strength: number): void {
  useTryOut.setState(({ stack }) => ({
    stack: stack.map((tried) => (isOf(vector)(tried) ? { ...tried, strength } : tried)),
  }));
}

export function takeOff(vector: EditVector): void {
  useTryOut.setState(({ stack }) => ({ stack: stack.filter((tried) => !isOf(vector)(tried)) }));
}

export function tryOn(imageId: string): void {
  useTryOut.setState({ imageId });
}

export function closeTryOut(): void {
  useTryOut.setState({ isOpen: false, stack: [] });
}

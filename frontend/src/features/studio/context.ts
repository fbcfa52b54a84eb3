/** Which open picture do these components belong to? */

import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { useShallow } from "zustand/react/shallow";

import type { Family, Image, Part, Revision, Session } from "../../api/client";
import type { StudioSession } from "./session";
import type { StudioState } from "./state";

export interface Studio {
  readonly session: StudioSession;
  readonly image: Image;
  readonly family: Family;
  readonly parts: readonly Part[]; // in the order of the list
  readonly revisions: readonly Revision[]; // newest first
  readonly user: Session["user"];
}

export const StudioContext = createContext<Studio | null>(null);

export function useStudio(): Studio {
  const studio = useContext(StudioContext);
  if (!studio) throw new Error("This component belongs inside the studio.");
  return studio;
}

/** What `select` reads from the store; the component renders again when that differs. */
export function useStudioState<T>(select: (state: StudioState) => T): T {
  return useStore(useStudio().session.store, useShallow(select));
}

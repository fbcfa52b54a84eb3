/** How is one edit vector changed in everything that was read of the library? */

import type { EditVector } from "../../api/client";

const isVector = (value: object): value is EditVector => "num_likes" in value && "id" in value;

/**
 * The same data with `change` applied to the edit vector `id` wherever it stands: in pages of
 * a search, in collections, among similar ones. What does not hold it is returned as it was.
 */
export function withVector<T>(data: T, id: string, change: (vector: EditVector) => EditVector): T {
  if (Array.isArray(data)) {
    const changed = data.map((item: unknown) => withVector(item, id, change));
    return changed.some((item, at) => item !== data[at]) ? (changed as T) : data;
  }
  if (typeof data !== "object" || data === null) return data;
  if (isVector(data)) return data.id === id ? (change(data) as T) : data;
  let found: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(data)) {
    const changed: unknown = withVector(value as unknown, id, change);
    if (changed !== value)
      found = { ...(found ?? (data as Record<string, unknown>)), [name]: changed };
  }
  return (found ?? data) as T;
}

/** The vector as it is once the person likes it, or likes it no more. */
export function liked(vector: EditVector, isLiked: boolean): EditVector {
  if (vector.is_liked === isLiked) return vector;
  return { ...vector, is_liked: isLiked, num_likes: vector.num_likes + (isLiked ? 1 : -1) };
}

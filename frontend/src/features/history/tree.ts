/** Where does each revision stand in the tree? Lanes for a list with the newest on top. */

export interface Node {
  readonly id: string;
  readonly parent_id: string | null;
}

export interface Placed {
  readonly id: string;
  readonly row: number;
  readonly lane: number;
}

export interface Edge {
  /** From the child, which is higher up, to its parent. */
  readonly from: Placed;
  readonly to: Placed;
}

export interface Tree {
  readonly nodes: readonly Placed[];
  readonly edges: readonly Edge[];
  readonly lanes: number;
  readonly branches: number;
}

/** The tree of revisions given newest first. The line of the newest keeps the first lane. */
export function layTree(revisions: readonly Node[]): Tree {
  const waiting: (string | null)[] = []; // per lane: the revision its line runs down to
  const placed = new Map<string, Placed>();
  let lanes = 0;
  revisions.forEach(({ id, parent_id }, row) => {
    let lane = waiting.indexOf(id);
    if (lane < 0) lane = waiting.indexOf(null);
    if (lane < 0) lane = waiting.length;
    // Other lines that come down to this revision end here.
    waiting.forEach((wanted, at) => {
      if (wanted === id && at !== lane) waiting[at] = null;
    });
    waiting[lane] = parent_id;
    lanes = Math.max(lanes, lane + 1);
    placed.set(id, { id, row, lane });
  });
  const edges: Edge[] = [];
  for (const { id, parent_id } of revisions) {
    const from = placed.get(id);
    const to = parent_id === null ? undefined : placed.get(parent_id);
    if (from && to) edges.push({ from, to });
  }
  const parents = new Set(revisions.map(({ parent_id }) => parent_id));
  const branches = revisions.filter(({ id }) => !parents.has(id)).length;
  return { nodes: [...placed.values()], edges, lanes, branches };
}

/** What to compare when the address does not say: the head, with what it was made from. */
export function defaultPair(
  revisions: readonly (Node & { readonly is_head: boolean })[],
  a: string | null,
  b: string | null,
): { readonly a: string | null; readonly b: string | null } {
  const has = (id: string | null) => id !== null && revisions.some((one) => one.id === id);
  const head = revisions.find((one) => one.is_head) ?? revisions[0];
  const right = has(b) ? b : (head?.id ?? null);
  const parent = revisions.find((one) => one.id === right)?.parent_id ?? null;
  const left = has(a) ? a : has(parent) ? parent : right;
  return { a: left, b: right };
}

import { api, take } from "../../api/client";

/** Takes a share link back; what its guests have open is closed. */
export function unshare(id: string): Promise<unknown> {
  return take(api.DELETE("/api/shares/{share_id}", { params: { path: { share_id: id } } }));
}

/** Where a share link leads: to its picture, once somebody is signed in. */

import { useQuery } from "@tanstack/react-query";
import { Navigate, useParams } from "react-router";

import { api, take } from "../../api/client";
import { ErrorNote } from "../../ui/ErrorNote";

export default function SharedPage() {
  const { secret = "" } = useParams();
  const { data, error } = useQuery({
    queryKey: ["share", secret],
    queryFn: () => take(api.POST("/api/share-links/open", { body: { secret } })),
  });
  if (data) return <Navigate to={`/pictures/${data.image_id}`} replace />;
  if (!error) return null;
  return (
    <div className="at-column">
      <h1>This picture is not shared any more</h1>
      <div style={{ marginTop: 20 }}>
        <ErrorNote error={error} />
      </div>
    </div>
  );
}

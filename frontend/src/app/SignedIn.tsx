import { useQuery } from "@tanstack/react-query";
import { Navigate, Outlet, useLocation } from "react-router";

import { useTeamEvents } from "../api/events";
import { sessionQuery } from "../api/queries";
import { ErrorNote } from "../ui/ErrorNote";

/** Lets people with a session through and sends everybody else to sign in, and back after. */
export function SignedIn() {
  const { data, error, refetch } = useQuery(sessionQuery);
  const location = useLocation();
  useTeamEvents(data?.user !== undefined && data.user !== null);

  if (error && !data) {
    return (
      <main style={{ maxWidth: 560, margin: "15vh auto", padding: 20 }}>
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </main>
    );
  }
  if (!data) return null;
  if (!data.user) {
    const next = location.pathname + location.search;
    return <Navigate to={`/sign-in?next=${encodeURIComponent(next)}`} replace />;
  }
  return <Outlet />;
}

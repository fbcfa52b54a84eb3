/** Where an invitation leads: what it is for, and one press to join. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";

import { api, take } from "../../api/client";
import { sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { Door } from "../account/Door";
import { roleWords } from "./roles";

export default function JoinPage() {
  const { secret = "" } = useParams();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: session } = useQuery(sessionQuery);
  const invitation = useQuery({
    queryKey: ["invitation", secret],
    queryFn: () => take(api.POST("/api/invitation-links/preview", { body: { secret } })),
  });
  const join = useMutation({
    mutationFn: () => take(api.POST("/api/invitation-links/accept", { body: { secret } })),
    onSuccess: async () => {
      client.clear(); // everything that is shown belongs to another team now
      await navigate("/pictures");
    },
  });
  if (invitation.error) {
    return (
      <Door title="This invitation has ended">
        <ErrorNote error={invitation.error} />
      </Door>
    );
  }
  if (!invitation.data || !session) return null;
  const { team, invited_by: inviter, role } = invitation.data;
  const next = encodeURIComponent(`/join/${secret}`);
  return (
    <Door
      title={`Join ${team}`}
      lead={
        <>
          {inviter} invites you as {roleWords(role)}.
        </>
      }
    >
      {join.error && <ErrorNote error={join.error} />}
      {session.user ? (
        <button
          type="button"
          className="at-button"
          data-filled
          data-size="main"
          disabled={join.isPending}
          onClick={() => join.mutate()}
        >
          Join as {session.user.name}
        </button>
      ) : (
        <Link className="at-button" data-filled data-size="main" to={`/sign-in?next=${next}`}>
          Sign in, or make an account
        </Link>
      )}
    </Door>
  );
}

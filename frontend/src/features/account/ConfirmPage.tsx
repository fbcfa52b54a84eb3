/** Where the link of a mail leads: one press confirms the address. */

import { useMutation } from "@tanstack/react-query";
import { useParams } from "react-router";

import { confirmAddress } from "../../api/auth";
import { ErrorNote } from "../../ui/ErrorNote";
import { Door } from "./Door";
import { ToSignIn } from "./DoorForm";

export default function ConfirmPage() {
  const { key = "" } = useParams();
  // A press, not the visit: programs that look into mails visit every link.
  const confirm = useMutation({ mutationFn: () => confirmAddress(key) });
  if (confirm.isSuccess) {
    return (
      <Door title="Your address is confirmed" lead="Sign in to begin.">
        <ToSignIn isMain>Sign in</ToSignIn>
      </Door>
    );
  }
  return (
    <Door title="Confirm your address" lead="One press, and the account is yours.">
      {confirm.error && <ErrorNote error={confirm.error} />}
      <button
        type="button"
        className="at-button"
        data-filled
        data-size="main"
        disabled={confirm.isPending}
        onClick={() => confirm.mutate()}
      >
        Confirm
      </button>
    </Door>
  );
}

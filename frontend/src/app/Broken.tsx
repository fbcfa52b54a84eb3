import { Link, isRouteErrorResponse, useRouteError } from "react-router";

import { IconWarning } from "../ui/icons";

/** A screen that failed to draw or to load: what to do, never a blank page. */
export function Broken() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFound />;
  const isOldPage = error instanceof TypeError && /import|module/i.test(error.message);
  return (
    <main className="at-notice">
      <IconWarning size={28} />
      <h1>{isOldPage ? "Atelier was renewed meanwhile." : "This screen stopped working."}</h1>
      <p>
        {isOldPage
          ? "Load the page again to get the new one. Your strokes are kept."
          : "Load the page again. Everything that was kept is still there."}
      </p>
      <button
        type="button"
        className="at-button"
        data-filled
        data-size="main"
        onClick={() => location.reload()}
      >
        Load again
      </button>
    </main>
  );
}

export function NotFound() {
  return (
    <main className="at-notice">
      <h1>We cannot find this page.</h1>
      <p>The link may be old, or it was not shared with you.</p>
      <Link className="at-button" data-filled data-size="main" to="/pictures">
        Go to your pictures
      </Link>
    </main>
  );
}

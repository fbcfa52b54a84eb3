import { IconClose } from "./icons";
import { dismissToast, useLive } from "./live";

/** The live regions and the notes at the foot of the screen. Once per page, in the shell. */
export function LiveRegion() {
  const { polite, assertive, toasts } = useLive();
  return (
    <>
      <div className="at-hidden" role="status" aria-live="polite">
        {polite}
      </div>
      <div className="at-hidden" role="alert">
        {assertive}
      </div>
      <div className="at-toasts">
        {toasts.map((toast) => (
          <div key={toast.id} className="at-toast">
            <span>{toast.words}</span>
            {toast.action && (
              <button
                type="button"
                className="at-link"
                onClick={() => {
                  toast.action?.run();
                  dismissToast(toast.id);
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button
              type="button"
              className="at-link"
              aria-label="Close this note"
              onClick={() => dismissToast(toast.id)}
            >
              <IconClose size={14} />
            </button>
          </div>
        ))}
      </div>
    </>
  );
}

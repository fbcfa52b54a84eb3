/** A dialog over the studio: the browser's own, which keeps focus inside and closes on Esc. */

import { type ReactNode, useEffect, useRef } from "react";

import { Icon } from "./icons";

export function Dialog({
  title,
  width,
  onClose,
  children,
}: {
  title: string;
  width: number;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="st-dialog"
      style={{ width }}
      aria-labelledby="st-dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="st-dialog-body">
        <header className="at-spread">
          <h2 id="st-dialog-title">{title}</h2>
          <button type="button" className="at-button" data-quiet data-icon data-size="small" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

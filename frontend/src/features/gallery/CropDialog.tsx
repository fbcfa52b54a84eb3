/** Which square of an upload becomes the picture? A frame to drag, with four fields as twin. */

import { Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, type PointerEvent, useEffect, useId, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { type Image, api, newKey, sendForm, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { familiesQuery, keys, sessionQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconMinus, IconPlus, IconTurn } from "../../ui/icons";
import { announce, toast } from "../../ui/live";
import { fileSize } from "../../ui/words";
import {
  type Square,
  centreSquare,
  inside,
  mostZoom,
  moved,
  resized,
  toCrop,
  turned,
  unturned,
  zoomOf,
} from "./crop";
import { ACCEPTED, nameFromFile, refusal, saidSize } from "./file";
import { chooseFile, endUpload, rememberFile, useUploads } from "./uploads";
import { offered, rememberFamily, rememberedFamily } from "./families";
import styles from "./crop.module.css";

const HEAD_BYTES = 262_144;
const ZOOM_STEP = 1.15;

/** The dialog of the upload that is under way, if there is one. */
export function CropDialog() {
  const { file, replaces } = useUploads();
  return (
    <Modal
      opened={file !== null}
      onClose={endUpload}
      title="Choose the square"
      size={720}
      classNames={{ body: styles.body ?? "" }}
      closeButtonProps={{ "aria-label": "Close without uploading" }}
    >
      {file && (
        <CropForm
          key={`${file.name}-${file.lastModified}-${file.size}`}
          file={file}
          replaces={replaces}
        />
      )}
    </Modal>
  );
}

type Opened =
  | { readonly state: "reading" }
  | { readonly state: "shown"; readonly bitmap: ImageBitmap; readonly url: string }
  | { readonly state: "refused"; readonly words: string }
  /** The browser cannot draw it. The server may, or says precisely why not. */
  | { readonly state: "unseen" };

function useOpened(file: File): Opened {
  const [opened, setOpened] = useState<Opened>({ state: "reading" });
  useEffect(() => {
    let isOver = false;
    let url: string | null = null;
    const open = async (): Promise<Opened> => {
      const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
      const words = refusal(file.size, saidSize(head));
      if (words) return { state: "refused", words };
      try {
        const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
        url = URL.createObjectURL(file);
        return { state: "shown", bitmap, url };
      } catch {
        return { state: "unseen" };
      }
    };
    open().then(
      (result) => !isOver && setOpened(result),
      () => !isOver && setOpened({ state: "unseen" }),
    );
    return () => {
      isOver = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [file]);
  return opened;
}

function CropForm({ file, replaces }: { readonly file: File; readonly replaces: string | null }) {
  const opened = useOpened(file);
  const families = useQuery(familiesQuery);
  const [name, setName] = useState(() => nameFromFile(file.name));
  const [square, setSquare] = useState<Square | null>(null);
  const [sent, setSent] = useState<number | null>(null);
  const [key] = useState(newKey); // sending this very form twice makes one picture
  const client = useQueryClient();
  const navigate = useNavigate();
  const nameId = useId();

  const bitmap = opened.state === "shown" ? opened.bitmap : null;
  const shown = bitmap ? (square ?? centreSquare(bitmap)) : null;
  const { data: session } = useQuery(sessionQuery);
  const [wanted, setWanted] = useState(rememberedFamily);
  const choices = offered(families.data ?? [], session?.team_id ?? null);
  // A wrong guess would redraw a face as a car: who has never chosen is asked.
  const only = choices.length === 1 ? choices[0] : undefined;
  const family = choices.find((one) => one.name === wanted) ?? only;

  const upload = useMutation({
    mutationFn: async () => {
      if (!family) throw new Error("no family");
      const form = new FormData();
      form.set("file", file);
      form.set("name", name.trim() || nameFromFile(file.name));
      form.set("bundle", family.name);
      if (shown) form.set("crop", JSON.stringify(toCrop(shown)));
      // Another crop or name is another request, so it needs another key.
      const idempotencyKey = `${key}.${shown ? Object.values(toCrop(shown)).join("-") : "whole"}`;
      return sendForm<Image>("/api/images", form, { idempotencyKey, onSent: setSent });
    },
    onSuccess: async (image) => {
      rememberFile(image.id, file);
      client.setQueryData(keys.image(image.id), image);
      announce("Uploaded. Atelier is looking for your picture now.");
      if (replaces && replaces !== image.id) await replace(replaces);
      void client.invalidateQueries({ queryKey: keys.images });
      endUpload();
      await navigate(`/pictures/${image.id}/close-look`);
    },
    onError: () => setSent(null),
  });

  const replace = async (id: string) => {
    const params = { path: { image_id: id } };
    try {
      await take(api.DELETE("/api/images/{image_id}", { params }));
    } catch (error) {
      toast(asProblem(error).message);
      return;
    }
    toast("The earlier crop was removed.", {
      label: "Undo",
      run: () => {
        void api
          .POST("/api/images/{image_id}/undelete", { params })
          .then(() => client.invalidateQueries({ queryKey: keys.images }));
      },
    });
  };

  if (opened.state === "reading") return <div className={styles.reading} aria-busy="true" />;
  if (opened.state === "refused") {
    return (
      <div className={styles.single}>
        <ErrorNote error={asRefusal(opened.words)} />
        <button
          type="button"
          className="at-button"
          data-filled
          data-size="main"
          data-autofocus
          onClick={() => chooseFile(ACCEPTED, replaces)}
        >
          Use another picture
        </button>
      </div>
    );
  }
  const another = (
    <button type="button" className="at-button" onClick={() => chooseFile(ACCEPTED, replaces)}>
      Use another picture
    </button>
  );
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!upload.isPending) upload.mutate();
      }}
    >
      {opened.state === "shown" && shown && (
        <CropStage
          url={opened.url}
          bitmap={opened.bitmap}
          square={shown}
          onChange={setSquare}
          caption={`${file.name} · ${opened.bitmap.width} × ${opened.bitmap.height} · ${fileSize(file.size)}`}
        />
      )}
      {opened.state === "unseen" && (
        <p className="at-hint">
          This browser cannot show {file.name}. Atelier may still read it; then its middle square is
          used.
        </p>
      )}
      <div>
        <label className="at-label" htmlFor={nameId}>
          Name
        </label>
        <input
          id={nameId}
          className="at-field"
          value={name}
          maxLength={120}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </div>
      {choices.length > 1 && (
        <div>
          <label className="at-label" htmlFor={`${nameId}-family`}>
            What it shows
          </label>
          <select
            id={`${nameId}-family`}
            className="at-field"
            value={family?.name ?? ""}
            onChange={(event) => {
              setWanted(event.currentTarget.value);
              rememberFamily(event.currentTarget.value);
            }}
          >
            {!family && (
              <option value="" disabled>
                Choose a family
              </option>
            )}
            {choices.map((one) => (
              <option key={one.name} value={one.name}>
                {one.title}
              </option>
            ))}
          </select>
        </div>
      )}
      {upload.error && <ErrorNote error={upload.error} />}
      {families.error && (
        <ErrorNote error={families.error} onRetry={() => void families.refetch()} />
      )}
      {families.data?.length === 0 && (
        <p className="at-warn-note">No model is installed here yet, so no picture can be added.</p>
      )}
      {sent !== null && (
        <div
          className="at-progress"
          role="progressbar"
          aria-label="Sent"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(sent * 100)}
        >
          <span style={{ width: `${sent * 100}%` }} />
        </div>
      )}
      <div className={styles.foot}>
        {another}
        <button
          type="submit"
          className="at-button"
          data-filled
          data-size="main"
          disabled={upload.isPending || !family}
        >
          {upload.isPending ? "Uploading" : "Use this square"}
        </button>
      </div>
    </form>
  );
}

function asRefusal(words: string): Error {
  return Object.assign(asProblem(null), { message: words });
}

function CropStage({
  url,
  bitmap,
  square,
  onChange,
  caption,
}: {
  readonly url: string;
  readonly bitmap: ImageBitmap;
  readonly square: Square;
  readonly onChange: (square: Square) => void;
  readonly caption: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const grip = useRef<{ x: number; y: number; square: Square; corner: boolean } | null>(null);
  const longer = Math.max(bitmap.width, bitmap.height);
  const share = (pixels: number) => `${(pixels / longer) * 100}%`;

  const scale = () => longer / (box.current?.clientWidth || 1); // picture pixels per screen pixel

  const grab = (event: PointerEvent, corner: boolean) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    grip.current = { x: event.clientX, y: event.clientY, square, corner };
  };
  const drag = (event: PointerEvent) => {
    const held = grip.current;
    if (!held || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const [dx, dy] = unturned(event.clientX - held.x, event.clientY - held.y, square.turns);
    const by = scale();
    if (held.corner) {
      const size = Math.min(
        held.square.size + Math.max(dx, dy) * by,
        bitmap.width - held.square.x,
        bitmap.height - held.square.y,
      );
      onChange(inside({ ...held.square, size }, bitmap));
    } else {
      onChange(moved(held.square, dx * by, dy * by, bitmap));
    }
  };
  const zoom = (factor: number) => onChange(resized(square, square.size / factor, bitmap));
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.shiftKey
      ? Math.max(8, Math.round(longer / 40))
      : Math.max(1, Math.round(longer / 400));
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    const move = moves[event.key];
    if (move) onChange(moved(square, ...unturned(move[0], move[1], square.turns), bitmap));
    else if (event.key === "+" || event.key === "=") zoom(ZOOM_STEP);
    else if (event.key === "-") zoom(1 / ZOOM_STEP);
    else if (event.key.toLowerCase() === "r") onChange(turned(square, event.shiftKey ? -1 : 1));
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    const stage = box.current;
    if (!stage) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      onChange(resized(square, square.size * (event.deltaY > 0 ? 1.06 : 1 / 1.06), bitmap));
    };
    stage.addEventListener("wheel", onWheel, { passive: false });
    return () => stage.removeEventListener("wheel", onWheel);
  }, [square, bitmap, onChange]);

  return (
    <div className={styles.columns}>
      <figure>
        <div
          ref={box}
          className={styles.stage}
          style={{ transform: `rotate(${square.turns * 90}deg)` }}
        >
          <div
            className={styles.picture}
            style={{ width: share(bitmap.width), height: share(bitmap.height) }}
          >
            <img src={url} alt="Your upload" draggable={false} />
            <div
              className={styles.frame}
              role="group"
              tabIndex={0}
              data-autofocus
              aria-label="Frame. Arrows move it, plus and minus zoom, R turns."
              onPointerDown={(event) => grab(event, false)}
              onPointerMove={drag}
              onPointerUp={() => (grip.current = null)}
              onPointerCancel={() => (grip.current = null)}
              onKeyDown={onKeyDown}
              style={{
                left: `${(square.x / bitmap.width) * 100}%`,
                top: `${(square.y / bitmap.height) * 100}%`,
                width: `${(square.size / bitmap.width) * 100}%`,
                height: `${(square.size / bitmap.height) * 100}%`,
              }}
            >
              <i
                className={styles.corner}
                onPointerDown={(event) => grab(event, true)}
                onPointerMove={drag}
                onPointerUp={() => (grip.current = null)}
              />
            </div>
          </div>
        </div>
        <figcaption className="at-hint">{caption}</figcaption>
      </figure>
      <div className={styles.side}>
        <figure>
          <CropPreview bitmap={bitmap} square={square} />
          <figcaption className="at-hint">Put the eyes on the line.</figcaption>
        </figure>
        <div className={styles.zoom}>
          <button
            type="button"
            className="at-button"
            data-icon
            data-size="small"
            aria-label="Smaller"
            onClick={() => zoom(1 / ZOOM_STEP)}
          >
            <IconMinus size={15} />
          </button>
          <input
            type="range"
            aria-label="Zoom"
            min={1}
            max={mostZoom(bitmap)}
            step={0.01}
            value={zoomOf(square, bitmap)}
            aria-valuetext={`${zoomOf(square, bitmap).toFixed(1)} times`}
            onChange={(event) =>
              onChange(
                resized(
                  square,
                  Math.min(bitmap.width, bitmap.height) / Number(event.currentTarget.value),
                  bitmap,
                ),
              )
            }
          />
          <button
            type="button"
            className="at-button"
            data-icon
            data-size="small"
            aria-label="Larger"
            onClick={() => zoom(ZOOM_STEP)}
          >
            <IconPlus size={15} />
          </button>
          <button
            type="button"
            className="at-button"
            data-icon
            data-size="small"
            aria-label="Turn by 90°"
            onClick={() => onChange(turned(square))}
          >
            <IconTurn size={16} />
          </button>
        </div>
        <div className={styles.fields}>
          <NumberField
            label="Left"
            value={square.x}
            most={bitmap.width - square.size}
            onChange={(x) => onChange(inside({ ...square, x }, bitmap))}
          />
          <NumberField
            label="Top"
            value={square.y}
            most={bitmap.height - square.size}
            onChange={(y) => onChange(inside({ ...square, y }, bitmap))}
          />
          <NumberField
            label="Side"
            value={square.size}
            most={Math.min(bitmap.width, bitmap.height)}
            onChange={(size) => onChange(inside({ ...square, size }, bitmap))}
          />
          <NumberField
            label="Turn, °"
            value={square.turns * 90}
            step={90}
            most={270}
            onChange={(angle) => onChange(inside({ ...square, turns: angle / 90 }, bitmap))}
          />
        </div>
      </div>
    </div>
  );
}

function NumberField({
  label,
  value,
  most,
  step = 1,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly most: number;
  readonly step?: number;
  readonly onChange: (value: number) => void;
}) {
  // What is being typed may be half a number; it counts once it is one.
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <label>
      <span className="at-label">{label}</span>
      <input
        className="at-field"
        type="number"
        inputMode="numeric"
        min={0}
        max={most}
        step={step}
        value={typed ?? value}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          const next = event.currentTarget.valueAsNumber;
          if (Number.isFinite(next)) onChange(next);
        }}
        onBlur={() => setTyped(null)}
      />
    </label>
  );
}

const PREVIEW = 192;

function CropPreview({
  bitmap,
  square,
}: {
  readonly bitmap: ImageBitmap;
  readonly square: Square;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.imageSmoothingQuality = "high";
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, PREVIEW, PREVIEW);
    context.translate(PREVIEW / 2, PREVIEW / 2);
    context.rotate((square.turns * Math.PI) / 2);
    context.drawImage(
      bitmap,
      square.x,
      square.y,
      square.size,
      square.size,
      -PREVIEW / 2,
      -PREVIEW / 2,
      PREVIEW,
      PREVIEW,
    );
  }, [bitmap, square]);
  return (
    <div className={styles.preview}>
      <canvas
        ref={canvas}
        width={PREVIEW}
        height={PREVIEW}
        role="img"
        aria-label="What will be used"
      />
      <i className={styles.eyes} />
      <i className={styles.axis} />
    </div>
  );
}

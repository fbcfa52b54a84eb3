/** Our own line drawings: a grid of 21, stroke 1.6, shown at 18 unless told otherwise. */

import type { ReactNode } from "react";

export interface IconProps {
  readonly size?: number;
  /** What it says where no word stands beside it; without one it is decoration. */
  readonly label?: string;
  readonly className?: string;
}

function icon(drawing: ReactNode) {
  return function Icon({ size = 18, label, className }: IconProps) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 21 21"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.6}
        strokeLinecap="round"
        strokeLinejoin="round"
        className={className}
        role={label ? "img" : undefined}
        aria-label={label}
        aria-hidden={label ? undefined : true}
        focusable="false"
        style={{ flex: "none" }}
      >
        {drawing}
      </svg>
    );
  };
}

export const IconSearch = icon(
  <>
    <circle cx="9" cy="9" r="5.6" />
    <path d="m13.2 13.2 4.6 4.6" />
  </>,
);
export const IconClose = icon(<path d="m5 5 11 11M16 5 5 16" />);
export const IconPlus = icon(<path d="M10.5 4v13M4 10.5h13" />);
export const IconMinus = icon(<path d="M4 10.5h13" />);
export const IconCheck = icon(<path d="m4 11 4.4 4.4L17 6.2" />);
export const IconBack = icon(<path d="m12.8 4-6.3 6.5 6.3 6.5" />);
export const IconForward = icon(<path d="m8.2 4 6.3 6.5L8.2 17" />);
export const IconDown = icon(<path d="m5 8 5.5 5.5L16 8" />);
export const IconWarning = icon(
  <>
    <path d="M10.5 3.4 18.6 17.4H2.4Z" />
    <path d="M10.5 8.6v4M10.5 15v.1" />
  </>,
);
export const IconInfo = icon(
  <>
    <circle cx="10.5" cy="10.5" r="7.6" />
    <path d="M10.5 9.6v4.8M10.5 6.6v.1" />
  </>,
);
export const IconPeople = icon(
  <>
    <circle cx="8" cy="7.4" r="2.9" />
    <path d="M2.4 17c.4-3.4 2.6-5.2 5.6-5.2s5.2 1.8 5.6 5.2" />
    <path d="M13.6 4.8a2.8 2.8 0 0 1 0 5.3M15.4 12.3c1.8.7 2.9 2.3 3.2 4.7" />
  </>,
);
export const IconWorld = icon(
  <>
    <circle cx="10.5" cy="10.5" r="7.6" />
    <path d="M3 10.5h15M10.5 3c2.5 2.2 3.4 4.7 3.4 7.5s-.9 5.3-3.4 7.5c-2.5-2.200-3.400-4.700-3.400-7.500s.9-5.300 3.400-7.500Z" />
  </>,
);
export const IconUsed = icon(
  <path d="M3 10.500h9.500M9.200 6.800l3.700 3.700-3.700 3.700M17 4v13" />,
);
export const IconUpload = icon(
  <>
    <path d="M10.5 13.500V3.600M6.600 7.300l3.900-3.900 3.900 3.900" />
    <path d="M3.400 12.800v3c0 1 .8 1.800 1.800 1.800h10.600c1 0 1.800-.8 1.800-1.800v-3" />
  </>,
);
export const IconDownload = icon(
  <>
    <path d="M10.5 3.400v9.900M6.600 9.600l3.900 3.900 3.900-3.900" />
    <path d="M3.400 12.800v3c0 1 .8 1.800 1.800 1.800h10.600c1 0 1.800-.8 1.800-1.800v-3" />
  </>,
);
export const IconHistory = icon(
  <>
    <path d="M3.600 8.200a7.400 7.400 0 1 1-.5 3.600" />
    <path d="M3.200 4v4.400h4.400M10.500 6.800v4.100l2.800 1.700" />
  </>,
);
export const IconBell = icon(
  <>
    <path d="M5 14.600V9.400a5.500 5.500 0 0 1 11 0v5.200l1.600 2H3.400z" />
    <path d="M8.600 18.800a2 2 0 0 0 3.800 0" />
  </>,
);
export const IconBranch = icon(
  <>
    <circle cx="6" cy="4.800" r="1.900" />
    <circle cx="6" cy="16.200" r="1.900" />
    <circle cx="15" cy="4.800" r="1.900" />
    <path d="M6 6.700v7.600M15 6.700c0 3.800-2.600 4.200-5.600 4.900-2 .5-3.400 1.200-3.400 2.700" />
  </>,
);
export const IconStar = icon(
  <path d="m10.500 3 2.300 4.800 5.200.7-3.800 3.600.9 5.200-4.600-2.500-4.600 2.500.9-5.200L3 8.500l5.200-.7Z" />,
);
export const IconStarFull = icon(
  <path
    fill="currentColor"
    d="m10.500 3 2.300 4.800 5.200.7-3.800 3.600.9 5.200-4.600-2.500-4.600 2.500.9-5.200L3 8.500l5.200-.7Z"
  />,
);
export const IconCompare = icon(
  <>
    <path d="M10.500 2.600v15.800" />
    <path d="M8 4.600H4.600c-.7 0-1.200.5-1.200 1.200v9.400c0 .7.500 1.200 1.200 1.200H8M13 4.600h3.400c.7 0 1.200.5 1.200 1.200v9.400c0 .7-.5 1.200-1.200 1.200H13" />
  </>,
);
export const IconTrash = icon(
  <path d="M3.600 5.600h13.800M8 5.400V3.600h5v1.800M5.400 5.800l.8 11h8.600l.8-11M8.800 9v4.800M12.200 9v4.800" />,
);
export const IconPen = icon(
  <>
    <path d="m4 17 .9-3.800L14 4.100a1.600 1.600 0 0 1 2.300 0l.6.6a1.600 1.600 0 0 1 0 2.300L7.800 16.100Z" />
    <path d="m12.400 5.700 2.900 2.900" />
  </>,
);
export const IconMore = icon(
  <path strokeWidth="2.200" d="M4.800 10.500h.01M10.500 10.500h.01M16.200 10.500h.01" />,
);
export const IconSun = icon(
  <>
    <circle cx="10.500" cy="10.500" r="3.500" />
    <path d="M10.500 2.600v1.600M10.500 16.800v1.600M2.600 10.500h1.600M16.800 10.500h1.600M4.900 4.900 6 6M15 15l1.100 1.100M4.900 16.100 6 15M15 6l1.100-1.100" />
  </>,
);
export const IconMoon = icon(
  <path d="M17.400 12.400A7.400 7.400 0 0 1 8.600 3.600a7.400 7.400 0 1 0 8.800 8.800Z" />,
);
export const IconScreen = icon(
  <>
    <rect x="2.800" y="4" width="15.400" height="10.400" rx="1.600" />
    <path d="M7.400 17.600h6.200M10.500 14.600v2.800" />
  </>,
);
export const IconLeave = icon(
  <>
    <path d="M12.600 6.400V4.800c0-.7-.5-1.200-1.200-1.200H5c-.7 0-1.200.5-1.200 1.200v11.400c0 .7.5 1.200 1.200 1.200h6.400c.7 0 1.200-.5 1.200-1.200v-1.600" />
    <path d="M8.800 10.500h9M14.800 7.400l3.100 3.100-3.100 3.100" />
  </>,
);
export const IconTurn = icon(
  <>
    <path d="M17 9.200A6.800 6.800 0 1 0 16 14.600" />
    <path d="M17.400 4.600v4.800h-4.800" />
  </>,
);
export const IconFilter = icon(<path d="M3.400 5.400h14.200M6 10.500h9M8.600 15.600h3.800" />);
export const IconPicture = icon(
  <>
    <rect x="2.800" y="3.800" width="15.400" height="13.400" rx="2" />
    <circle cx="7.400" cy="8.200" r="1.500" />
    <path d="m3.200 15 4.400-4 3 2.600 3.400-3.600 4 4.200" />
  </>,
);
export const IconPerson = icon(
  <>
    <circle cx="10.500" cy="7" r="3.400" />
    <path d="M3.600 17.600c.6-3.800 3.200-5.800 6.900-5.800s6.300 2 6.900 5.800" />
  </>,
);
export const IconGrip = icon(
  <path
    strokeWidth="2.100"
    d="M8 5.500h.01M13 5.500h.01M8 10.500h.01M13 10.500h.01M8 15.500h.01M13 15.500h.01"
  />,
);
export const IconCopy = icon(
  <>
    <rect x="7" y="7" width="10.400" height="10.400" rx="1.800" />
    <path d="M13.800 4.600c0-.6-.5-1-1-1H4.600c-.6 0-1 .5-1 1v8.200c0 .6.5 1 1 1" />
  </>,
);
export const IconHeart = icon(
  <path d="M10.5 17.2C6 13.9 3.200 11.300 3.200 8.100a3.900 3.900 0 0 1 7.300-2 3.900 3.900 0 0 1 7.300 2c0 3.200-2.800 5.800-7.300 9.100Z" />,
);
export const IconHeartFull = icon(
  <path
    fill="currentColor"
    d="M10.5 17.2C6 13.9 3.200 11.300 3.200 8.100a3.900 3.900 0 0 1 7.300-2 3.900 3.900 0 0 1 7.300 2c0 3.200-2.800 5.800-7.300 9.100Z"
  />,
);
export const IconFlag = icon(<path d="M5 18V3.600M5 4.400h10.400l-2.200 3.700 2.200 3.700H5" />);
export const IconFolder = icon(
  <path d="M3 6.200c0-.9.7-1.600 1.600-1.600h3.600l1.800 2h6.400c.9 0 1.600.7 1.600 1.600v6.800c0 .9-.7 1.600-1.600 1.600H4.600c-.9 0-1.600-.7-1.600-1.600Z" />,
);

/** The mark of Atelier. */
export function Mark({ size = 26 }: { readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden
      focusable="false"
      style={{ flex: "none" }}
    >
      <rect width="24" height="24" rx="6" fill="var(--at-accent)" />
      <path
        d="M6.600 18 12 6l5.400 12M9 14.600c2-1.100 4-1.100 6 0"
        fill="none"
        stroke="var(--at-on-accent)"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
export const IconFork = icon(
  <>
    <circle cx="6" cy="4.6" r="1.9" />
    <circle cx="15" cy="4.6" r="1.9" />
    <circle cx="10.5" cy="16.4" r="1.9" />
    <path d="M6 6.5c0 4 4.5 3.4 4.5 8M15 6.5c0 4-4.5 3.4-4.5 8" />
  </>,
);

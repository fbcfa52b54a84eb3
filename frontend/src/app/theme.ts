/** Mantine in the colours of Atelier: one accent, neutral greys, visible edges of inputs. */

import { createTheme, type MantineColorsTuple } from "@mantine/core";

const verdigris: MantineColorsTuple = [
  "#E9F7F4",
  "#DDF1EC",
  "#B5E3D9",
  "#84D3C4",
  "#4CC9B4",
  "#27AE99",
  "#12907E",
  "#0B7365",
  "#075A4F",
  "#05231E",
];

const dark: MantineColorsTuple = [
  "#F2F2F2",
  "#D6D6D6",
  "#B8B8B8",
  "#949494",
  "#333333",
  "#2E2E2E",
  "#242424",
  "#1B1B1B",
  "#141414",
  "#0E0E0E",
];

/** As `h2` of base.css, which the library's own style of titles would hide. */
const DIALOG_TITLE = { font: "600 15px/20px var(--at-font)", letterSpacing: "-0.005em" };

export const theme = createTheme({
  colors: { verdigris, dark },
  primaryColor: "verdigris",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  fontFamily: "var(--at-font)",
  headings: { fontFamily: "var(--at-font)", fontWeight: "600" },
  defaultRadius: "7px",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    Input: { styles: { input: { borderColor: "var(--at-line-strong)" } } },
    Menu: {
      defaultProps: { shadow: "var(--at-shadow)", radius: 10, transitionProps: { duration: 90 } },
    },
    Modal: {
      defaultProps: {
        radius: 16,
        centered: true,
        overlayProps: { backgroundOpacity: 0.5 },
        transitionProps: { duration: 200, transition: "pop" },
      },
      styles: { title: DIALOG_TITLE },
    },
    Drawer: { styles: { title: DIALOG_TITLE } },
  },
});

import "@fontsource-variable/inter/index.css";
import "@mantine/core/styles.css";
import "./tokens.css";
import "./base.css";
import "../ui/ui.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

const root = document.getElementById("root");
if (!root) throw new Error("The page has no element #root.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

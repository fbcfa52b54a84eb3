import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// While developing, the platform of `make run` answers everything that is not a module.
const platform = process.env.ATELIER_URL ?? "http://127.0.0.1:8000";
// It trusts only its own origin, so requests come to it as if from there.
const passed = { target: platform, changeOrigin: true, headers: { origin: platform } };

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist",
    assetsDir: "assets",
    target: "es2022",
    // The content security policy allows no inline script and no data: module.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      "/api": passed,
      "/_allauth": passed,
      "/media": passed,
      "/ws": { ...passed, ws: true },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});

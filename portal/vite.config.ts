import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "/portal/",
  plugins: [react()],
  build: {
    // server/hatch_build.py moves it into the package when it is whole.
    outDir: "../build/portal",
    emptyOutDir: true,
    // A data: address would need the content security policy to allow more.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
});

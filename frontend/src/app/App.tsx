/** Everything that stands around the routes: theme, server state, live regions. */

import { MantineProvider, localStorageColorSchemeManager } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router/dom";

import { asProblem, mayRetry } from "../api/problem";
import { keys } from "../api/queries";
import { LiveRegion } from "../ui/LiveRegion";
import { announceError } from "../ui/live";
import { router } from "./routes";
import { theme } from "./theme";

const colorSchemes = localStorageColorSchemeManager({ key: "atelier.theme" });
const MAX_RETRIES = 3;

/** A sign-in that ran out shows as 401 anywhere; then the session is read again. */
function onError(error: unknown): void {
  if (asProblem(error).status === 401) void client.invalidateQueries({ queryKey: keys.session });
}

const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({
    onError: (error) => {
      onError(error);
      announceError(asProblem(error).message);
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (failures, error) => failures < MAX_RETRIES && mayRetry(error),
    },
    mutations: { retry: false },
  },
});

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={colorSchemes}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <LiveRegion />
      </QueryClientProvider>
    </MantineProvider>
  );
}

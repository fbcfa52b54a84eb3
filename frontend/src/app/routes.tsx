/** Which address shows which screen. Each screen is its own piece of script. */

import { createBrowserRouter, Navigate } from "react-router";

import { Broken, NotFound } from "./Broken";
import { Shell } from "./Shell";
import { SignedIn } from "./SignedIn";

export const router = createBrowserRouter([
  {
    errorElement: <Broken />,
    hydrateFallbackElement: <></>,
    children: [
      {
        path: "/sign-in",
        lazy: async () => ({ Component: (await import("../features/account/SignInPage")).default }),
      },
      {
        path: "/sign-up",
        lazy: async () => ({ Component: (await import("../features/account/SignUpPage")).default }),
      },
      {
        path: "/confirm/:key",
        lazy: async () => ({
          Component: (await import("../features/account/ConfirmPage")).default,
        }),
      },
      ...["/reset", "/reset/:key"].map((path) => ({
        path,
        lazy: async () => ({ Component: (await import("../features/account/ResetPage")).default }),
      })),
      {
        path: "/join/:secret",
        lazy: async () => ({ Component: (await import("../features/team/JoinPage")).default }),
      },
      {
        element: <SignedIn />,
        children: [
          { index: true, element: <Navigate to="/pictures" replace /> },
          {
            path: "/pictures/:imageId",
            lazy: async () => ({
              Component: (await import("../features/studio/StudioPage")).default,
            }),
          },
          {
            path: "/pictures/:imageId/history",
            lazy: async () => ({
              Component: (await import("../features/history/HistoryPage")).default,
            }),
          },
          {
            path: "/families/:projectId/samples/:sampleId",
            lazy: async () => ({
              Component: (await import("../features/families/LabelPage")).default,
            }),
          },
          {
            element: <Shell />,
            errorElement: <Broken />,
            children: [
              {
                path: "/pictures",
                lazy: async () => ({
                  Component: (await import("../features/gallery/GalleryPage")).default,
                }),
              },
              {
                path: "/pictures/:imageId/close-look",
                lazy: async () => ({
                  Component: (await import("../features/gallery/CloseLookPage")).default,
                }),
              },
              {
                path: "/library",
                lazy: async () => ({
                  Component: (await import("../features/library/LibraryPage")).default,
                }),
              },
              {
                path: "/library/collections",
                lazy: async () => ({
                  Component: (await import("../features/library/CollectionsPage")).default,
                }),
              },
              {
                path: "/library/collections/:collectionId",
                lazy: async () => ({
                  Component: (await import("../features/library/CollectionPage")).default,
                }),
              },
              {
                path: "/album-runs",
                lazy: async () => ({
                  Component: (await import("../features/albums/RunsPage")).default,
                }),
              },
              {
                path: "/album-runs/new",
                lazy: async () => ({
                  Component: (await import("../features/albums/NewRunPage")).default,
                }),
              },
              {
                path: "/album-runs/:runId",
                lazy: async () => ({
                  Component: (await import("../features/albums/RunPage")).default,
                }),
              },
              {
                path: "/families",
                lazy: async () => ({
                  Component: (await import("../features/families/FamiliesPage")).default,
                }),
              },
              {
                path: "/families/card/:name",
                lazy: async () => ({
                  Component: (await import("../features/families/CardPage")).default,
                }),
              },
              {
                path: "/families/:projectId",
                lazy: async () => ({
                  Component: (await import("../features/families/ProjectPage")).default,
                }),
              },
              {
                path: "/moderation",
                lazy: async () => ({
                  Component: (await import("../features/moderation/ModerationPage")).default,
                }),
              },
              {
                path: "/library/:vectorId",
                lazy: async () => ({
                  Component: (await import("../features/library/VectorPage")).default,
                }),
              },
              {
                path: "/shared/:secret",
                lazy: async () => ({
                  Component: (await import("../features/sharing/SharedPage")).default,
                }),
              },
              {
                path: "/notices",
                lazy: async () => ({
                  Component: (await import("../features/activity/NoticesPage")).default,
                }),
              },
              {
                path: "/activity",
                lazy: async () => ({
                  Component: (await import("../features/activity/ActivityPage")).default,
                }),
              },
              {
                path: "/team",
                lazy: async () => ({
                  Component: (await import("../features/team/TeamPage")).default,
                }),
              },
              {
                path: "/account",
                lazy: async () => ({
                  Component: (await import("../features/account/AccountPage")).default,
                }),
              },
              { path: "*", element: <NotFound /> },
            ],
          },
        ],
      },
    ],
  },
]);

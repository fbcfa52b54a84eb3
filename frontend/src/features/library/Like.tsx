/** The heart: whether the person likes an edit vector, and how many people do. */

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { type EditVector, api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { keys } from "../../api/queries";
import { IconHeart, IconHeartFull } from "../../ui/icons";
import { toast } from "../../ui/live";
import { count, counted } from "../../ui/words";
import { liked, withVector } from "./cached";

/** Likes at once on the screen; what the server refuses is taken back and said. */
function useLike(vector: EditVector) {
  const client = useQueryClient();
  const params = { path: { edit_vector_id: vector.id } };
  const show = (isLiked: boolean) =>
    client.setQueriesData({ queryKey: keys.library }, (data: unknown) =>
      withVector(data, vector.id, (one) => liked(one, isLiked)),
    );
  return useMutation({
    mutationFn: (isLiked: boolean) =>
      isLiked
        ? take(api.PUT("/api/edit-vectors/{edit_vector_id}/like", { params }))
        : take(api.DELETE("/api/edit-vectors/{edit_vector_id}/like", { params })),
    onMutate: show,
    onError: (error, isLiked) => {
      show(!isLiked);
      toast(asProblem(error).message);
    },
  });
}

export function Like({
  vector,
  isLarge = false,
}: {
  readonly vector: EditVector;
  readonly isLarge?: boolean;
}) {
  const like = useLike(vector);
  // Likes are counted up every few seconds; one's own shows at once.
  const number = Math.max(vector.num_likes, vector.is_liked ? 1 : 0);
  const Heart = vector.is_liked ? IconHeartFull : IconHeart;
  return (
    <button
      type="button"
      className="at-button"
      data-quiet={isLarge ? undefined : true}
      data-size={isLarge ? "main" : "small"}
      aria-pressed={vector.is_liked}
      aria-label={`Like ${vector.title}, ${counted(number, "like")}`}
      onClick={() => like.mutate(!vector.is_liked)}
    >
      <Heart size={isLarge ? 17 : 15} />
      <span>{count(number)}</span>
    </button>
  );
}

import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";

type Values = Readonly<Record<string, string>>;

/** A form whose fields are sent as plain texts when it is submitted. */
export function useForm(
  send: (values: Values) => Promise<void>,
  after?: (form: HTMLFormElement) => unknown,
) {
  const sending = useMutation({
    mutationFn: ({ form }: { form: HTMLFormElement }) => {
      const values: Record<string, string> = {};
      new FormData(form).forEach((value, name) => {
        if (typeof value === "string") values[name] = value;
      });
      return send(values);
    },
    onSuccess: (_, { form }) => after?.(form),
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    sending.mutate({ form: event.currentTarget });
  };
  return { onSubmit, sending };
}

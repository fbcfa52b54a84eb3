/** What an event of the log says, as a sentence without its person. */

import type { AuditEvent } from "../../api/client";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function auditWords(event: AuditEvent): string {
  const { action, title } = event;
  switch (action) {
    case "team.founded":
      return `founded ${title}`;
    case "team.renamed":
      return `renamed the team from ${text(event.before)} to ${text(event.after)}`;
    case "team.role_changed":
      return `made ${title} ${text(event.after)}, before ${text(event.before)}`;
    case "team.member_removed":
      return `removed ${title}, who was ${text(event.before)}`;
    case "team.member_left":
      return "left";
    case "team.handed_over":
      return `handed the team over to ${title}`;
    case "team.invited":
      return `invited ${title} as ${text(event.after)}`;
    case "team.invitation_revoked":
      return `took back the invitation: ${title}`;
    case "team.joined":
      return `joined as ${text(event.after)}`;
    case "image.shared":
      return `shared ${title} by link, to ${text(event.after)}`;
    case "image.unshared":
      return `took back a link to ${title}`;
    case "image.share_opened":
      return `opened a link to ${title}`;
    case "webhook.added":
      return `added the webhook ${title}`;
    case "webhook.changed":
      return `switched the webhook ${title} ${event.after === true ? "on" : "off"}`;
    case "webhook.removed":
      return `removed the webhook ${title}`;
    case "library.listed":
      return `${title} is listed in the community library`;
    case "library.withdrawn":
      return `withdrew ${title} from the community library`;
    case "library.removed":
      return `removed ${title} from the community library`;
    default:
      return title ? `${action}: ${title}` : action;
  }
}

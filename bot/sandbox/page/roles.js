// What people are in the workspace, in words.

const ROLES = [
  ["is_stranger", "external", "Other organisation, by Slack Connect"],
  ["is_owner", "owner", "Workspace owner"],
  ["is_admin", "admin", "Workspace admin"],
  ["is_ultra_restricted", "single-channel guest", "Single-channel guest"],
  ["is_restricted", "guest", "Guest"],
];

const found = (user) => ROLES.find(([flag]) => user?.[flag]);

/** In a word, as beside a name. */
export const roleOf = (user) => found(user)?.[1] ?? "member";

/** In full. */
export const fullRoleOf = (user) => found(user)?.[2] ?? "Full member";

/** Whether the others should see at once that this person is not one of them. */
export const isOutsider = (user) => Boolean(user?.is_stranger || user?.is_restricted || user?.is_ultra_restricted);

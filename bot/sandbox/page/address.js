// Where one is: the person, channel, thread, tab and the panel for developers stand in location.hash.

/** The page's name for the direct message with the app, which has no channel id until somebody wrote in it. */
export const APP = "@app";

/** {user, channel, thread, tab, at, wire}: handles and names as in the address, null where it says nothing. */
export function place() {
  const hash = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(["user", "channel", "thread", "tab", "at", "wire"].map((name) => [name, hash.get(name)]));
}

/** The address of a place. */
export const hashOf = (where) =>
  `#${new URLSearchParams(Object.entries(where).filter(([, value]) => value)).toString().replaceAll("%40", "@")}`;

/** The direct message of the viewer with the app, if it was opened. */
export const appChannel = (workspace, viewer) =>
  workspace.channels.find((channel) => channel.is_im && channel.members.includes(viewer.id) && channel.members.includes(workspace.app.bot_user_id));

/** What the viewer can see: public channels and their own private ones; archived ones last. A stranger sees only shared ones. */
export function visibleChannels(workspace, viewer) {
  const sees = (channel) => channel.members.includes(viewer.id) || (!channel.is_private && !viewer.is_stranger && !viewer.is_restricted);
  return workspace.channels.filter((channel) => !channel.is_im && sees(channel))
    .sort((one, other) => Number(one.is_archived) - Number(other.is_archived) || one.name.localeCompare(other.name));
}

// Selects of one and of several: options, people, channels.

import { el } from "./dom.js";
import { openMenu } from "./menu.js";
import { plain } from "./mrkdwn.js";

/** Options of a menu as menu items. */
export const optionItems = (list) =>
  (list ?? []).map((option) => ({
    label: plain(option.text), description: option.description ? plain(option.description) : null, value: option.value,
  }));

const options = (item) => (item.option_groups
  ? item.option_groups.flatMap((group) => [{ heading: plain(group.label) }, ...optionItems(group.options)])
  : optionItems(item.options));

const people = (_item, { users }) => [...users.values()].filter((user) => !user.deleted)
  .map((user) => ({ label: user.is_bot ? user.real_name || user.name : user.display_name, description: user.is_bot ? null : user.title, value: user.id }));

/** The channels a person can choose: what they do not see and what is archived is not offered. */
const channels = (fits) => (item, context) => [...context.channels.values()]
  .filter((channel) => !channel.is_im && !channel.is_archived && (!channel.is_private || channel.members.includes(context.viewer)) && fits(channel, item.filter ?? {}))
  .map((channel) => ({ label: `#${channel.name}`, value: channel.id }));

const isPublic = (channel) => !channel.is_private;
const passes = (channel, filter) =>
  (!filter.include || filter.include.includes(channel.is_private ? "private" : "public"))
  && !(filter.exclude_external_shared_channels && channel.is_ext_shared);

/** What each kind of select offers, and the property its first choice stands in. */
const SELECTS = {
  static_select: [options, (item) => item.initial_option?.value],
  users_select: [people, (item) => item.initial_user],
  channels_select: [channels(isPublic), (item) => item.initial_channel],
  conversations_select: [channels(passes), (item) => item.initial_conversation],
  multi_static_select: [options, (item) => item.initial_options?.map((option) => option.value)],
  multi_users_select: [people, (item) => item.initial_users],
  multi_channels_select: [channels(isPublic), (item) => item.initial_channels],
  multi_conversations_select: [channels(passes), (item) => item.initial_conversations],
};

/** A select as a field (see fields.js), or null when `item` is none of the kinds drawn here. */
export function selectOf(item, id, context, changed, optional) {
  if (!Object.hasOwn(SELECTS, item.type)) return null;
  const [offers, initial] = SELECTS[item.type];
  const several = item.type.startsWith("multi_");
  const draw = several ? selectOfSeveral : selectOfOne;
  return draw(item, id, offers(item, context), initial(item), changed, optional);
}

function closedSelect(id, open) {
  const words = el("span.select-label", { id: `${id}-words` });
  const control = el("button.button.select", { type: "button", id, "aria-haspopup": "menu", "aria-expanded": "false", onclick: open },
    words, el("span.caret", { "aria-hidden": "true" }, "▾"));
  return { words, control };
}

function selectOfOne(item, id, items, initial, changed, optional) {
  const placeholder = plain(item.placeholder) || "Choose an option";
  let value = null;
  const { words, control } = closedSelect(id, () => openMenu(control, offered(), {
    label: placeholder,
    pick: async (option) => {
      const before = value;
      write(option.value);
      control.setAttribute("aria-busy", "true");
      const kept = await changed(option.value);
      control.removeAttribute("aria-busy");
      if (kept === false) write(before);
    },
  }));
  const offered = () => [
    ...(optional && value !== null ? [{ label: "Choose none", value: null }] : []),
    ...items.map((each) => ({ ...each, current: !each.heading && each.value === value })),
  ];
  const write = (next) => {
    value = next ?? null;
    words.textContent = value === null ? placeholder : items.find((each) => !each.heading && each.value === value)?.label ?? value;
  };
  write(initial);
  return { id, control, read: () => value, write, wordsId: words.id };
}

function selectOfSeveral(item, id, items, initial, changed) {
  const placeholder = plain(item.placeholder) || "Choose";
  const most = item.max_selected_items ?? Infinity;
  let values = [];
  const { words, control } = closedSelect(id, () => {
    const before = values;
    openMenu(control, items.map((each) => ({ ...each, current: values.includes(each.value) })), {
      label: placeholder,
      toggle: ({ value }) => {
        if (values.includes(value)) write(values.filter((each) => each !== value));
        else if (values.length < most) write([...values, value]);
        return values.includes(value);
      },
      closed: async () => {
        if (values !== before && (await changed(values)) === false) write(before);
      },
    });
  });
  const write = (next) => {
    values = next ?? [];
    const names = values.map((value) => items.find((each) => each.value === value)?.label ?? value);
    words.replaceChildren(...(names.length ? names.map((name) => el("span.chosen", {}, name, el("span.unseen", {}, " "))) : [placeholder]));
  };
  write(initial);
  return { id, control, read: () => values, write, wordsId: words.id };
}

// The types Slack publishes for what it sends, by the payload's own name, with every place where they are wrong or say
// less than Slack's documentation. tests/fidelity/payload_types.py compiles what the embedded Slack sent against them.
//
// "Samples" are the recorded and emptied payloads in slackapi/java-slack-sdk, json-logs/samples: most of these types are
// generated from them, and the generator drops what was null.
import type * as bolt from "@slack/bolt";
import type * as types from "@slack/types";
import type * as api from "@slack/web-api";

// Nothing is proved by a type that takes everything: `any` and `unknown` become `never`, which takes nothing.
type Telling<T> = 0 extends 1 & T ? never : unknown extends T ? never : T;
// An index signature (`StringIndexed`) would take any further property.
type Known<T> = { [K in keyof T as string extends K ? never : K]: T[K] };
type But<T, Other> = Omit<Known<T>, keyof Other> & Other;

// -- messages ----------------------------------------------------------------------------------------------------

// The samples of chat.postMessage have `user_id` too.
type BotProfile = NonNullable<types.GenericMessageEvent["bot_profile"]> & { user_id?: string };

// Events carry files in three published shapes. Of these the one of app_mention agrees with the documented file object
// (https://docs.slack.dev/reference/objects/file-object) best: the one of file_share lacks `timestamp`, and takes
// `lines` and `comments_count` for strings. What snippets have besides is documented there.
type MentionedFile = NonNullable<types.AppMentionEvent["files"]>[number] & {
  edit_link?: string;
  preview?: string;
  lines?: number;
  lines_more?: number;
  preview_is_truncated?: boolean;
};
// Where others share the channel only this is sent (https://docs.slack.dev/apis/slack-connect); nobody publishes it.
interface FileStub {
  id: string;
  mode: "file_access";
  created: 0;
  timestamp: 0;
  user: "";
  file_access: "check_file_info";
}
type SharedFile = MentionedFile | FileStub;

// What messages carry besides, by the samples of events and of conversations.history.
interface OfMessages {
  app_id?: string;
  bot_id?: string;
  bot_profile?: BotProfile;
  files?: SharedFile[];
  upload?: boolean;
  display_as_bot?: boolean;
  parent_user_id?: string;
  team?: string;
  metadata?: { event_type: string; event_payload: object };
  reply_count?: number;
  reply_users_count?: number;
  latest_reply?: string;
  reply_users?: string[];
  is_locked?: boolean;
  subscribed?: boolean;
}
// Published with a `subtype` that must be there and undefined, which JSON cannot say.
type PlainMessage = But<Omit<types.GenericMessageEvent, "subtype">, OfMessages>;
type FileShareMessage = But<types.FileShareMessageEvent, OfMessages & { client_msg_id?: string }>;
// In events about messages, and in the answers, a message has no `channel`, `channel_type` and `event_ts` of its own.
type InEvents<T> = Omit<T, "channel" | "channel_type" | "event_ts">;
type AnyMessage = InEvents<PlainMessage> | InEvents<FileShareMessage> | InEvents<types.BotMessageEvent>;

// -- events ------------------------------------------------------------------------------------------------------

export interface Events {
  // Mentions are messages, and carry what those do: `parent_user_id` in a thread, snippets, `app_id` of other apps.
  app_mention: But<types.AppMentionEvent, Pick<OfMessages, "app_id" | "bot_profile" | "files" | "parent_user_id">>;
  // Published with the view as apps send it; the sample has the view as Slack keeps it.
  channel_rename: types.ChannelRenameEvent;
  group_rename: types.GroupRenameEvent;
  app_home_opened: But<types.AppHomeOpenedEvent, { view?: View }>;
  file_shared: types.FileSharedEvent;
  function_executed: types.FunctionExecutedEvent;
  file_deleted: types.FileDeletedEvent;
  message: PlainMessage;
  "message.bot_message": types.BotMessageEvent;
  "message.file_share": FileShareMessage;
  "message.message_changed": But<
    types.MessageChangedEvent,
    { message: AnyMessage; previous_message: AnyMessage }
  >;
  "message.message_deleted": But<types.MessageDeletedEvent, { previous_message: AnyMessage }>;
  member_joined_channel: types.MemberJoinedChannelEvent;
  member_left_channel: types.MemberLeftChannelEvent;
  user_change: types.UserChangeEvent;
}

export type Envelope<Name extends keyof Events> = But<
  bolt.EnvelopedEvent<Telling<Events[Name]>>,
  // In the samples of file_shared and in the documentation of authorizations
  // (https://docs.slack.dev/apis/events-api/#authorizations); `event_context` is in all of them.
  { context_team_id: string; context_enterprise_id: string | null; event_context: string }
>;

// -- commands and interactions -----------------------------------------------------------------------------------

// Documented as null outside of organisations: https://docs.slack.dev/reference/interaction-payloads
type Interaction<T> = But<T, { enterprise: null; api_app_id: string }>;
// The samples of view payloads have `username` beside `name`.
type Person = { id: string; name: string; username: string; team_id: string };
// `submit_disabled` and the like are for others; `bot_id`, `state` and the rest are as Bolt has them.
type View = bolt.ViewOutput;
// Published with `[key: string]: any`.
type ClickedMessage = InEvents<PlainMessage> | InEvents<FileShareMessage>;

export type Command = Telling<Known<bolt.SlashCommand>>;
export type BlockActions = Interaction<
  But<
    bolt.BlockAction,
    {
      message?: ClickedMessage;
      // Only messages have one: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
      response_url?: string;
      // Published with an index signature; documented there.
      container:
        | { type: "message"; message_ts: string; channel_id: string; is_ephemeral: boolean; thread_ts?: string }
        | { type: "view"; view_id: string };
    }
  >
>;
export type MessageShortcut = Interaction<But<bolt.MessageShortcut, { message: ClickedMessage }>>;
export type GlobalShortcut = Interaction<bolt.GlobalShortcut>;
export type ViewSubmission = Interaction<But<bolt.ViewSubmitAction, { user: Person }>>;
export type ViewClosed = Interaction<But<bolt.ViewClosedAction, { user: Person }>>;

// -- answers of the Web API --------------------------------------------------------------------------------------

// All properties of the generated types are optional, none is null, and texts of few values are enumerations.
type Sampled<T> = T extends string
  ? `${T}`
  : T extends (infer Item)[]
    ? Sampled<Item>[]
    : T extends object
      ? { [K in keyof T]: Sampled<T[K]> | (undefined extends T[K] ? null : never) }
      : T;
// So each method names what its answer cannot do without, and so do the objects clients live by.
type Answer<T, Needed extends keyof T> = Telling<Sampled<Omit<T, Needed | "ok">>> & {
  [K in Needed]-?: Sampled<NonNullable<T[K]>>;
} & { ok: true };
type Corrected<T, Other> = Omit<T, keyof Other> & Other;
type Item<T> = NonNullable<T> extends (infer I)[] ? Sampled<I> : never;
type With<T, Needed extends keyof T> = Omit<T, Needed> & { [K in Needed]-?: NonNullable<T[K]> };

// https://docs.slack.dev/reference/objects/conversation-object: null, so dropped by the generator.
type Channel<T extends { id?: unknown; created?: unknown; updated?: unknown; context_team_id?: unknown }> = With<
  T,
  "id" | "created" | "updated" | "context_team_id"
> & { parent_conversation?: null };
// The sample of conversations.history knows more of messages than that of replies; both are documented as the same.
type Posted = Corrected<
  With<Item<api.ConversationsHistoryResponse["messages"]>, "type" | "ts" | "text" | "user">,
  { bot_profile?: Sampled<BotProfile> }
>;
type Stored<T> = With<
  Item<T>,
  keyof Item<T> &
    ("id" | "name" | "title" | "mimetype" | "filetype" | "size" | "user" | "created" | "mode" | "url_private" | "permalink")
>;
type Member<T> = With<
  Sampled<T>,
  keyof Sampled<T> & ("id" | "team_id" | "name" | "deleted" | "profile" | "is_bot" | "updated" | "color" | "real_name")
>;
type Shown<T> = { view: With<Sampled<NonNullable<T>>, keyof Sampled<NonNullable<T>> & OfViews> };
type OfViews =
  | "id"
  | "team_id"
  | "type"
  | "blocks"
  | "private_metadata"
  | "callback_id"
  | "hash"
  | "title"
  | "root_view_id"
  | "app_id"
  | "bot_id"
  | "state";

export interface Answers {
  "api.test": Answer<api.ApiTestResponse, "args">;
  "apps.connections.open": Answer<api.AppsConnectionsOpenResponse, "url">;
  "apps.uninstall": Answer<api.AppsUninstallResponse, never>;
  "auth.teams.list": Answer<api.AuthTeamsListResponse, never>;
  // https://docs.slack.dev/reference/methods/auth.revoke documents `revoked`.
  "auth.revoke": Answer<api.AuthRevokeResponse, never> & { revoked: boolean };
  "auth.test": Answer<api.AuthTestResponse, "url" | "team" | "user" | "team_id" | "user_id" | "bot_id">;
  "bots.info": Answer<api.BotsInfoResponse, "bot">;
  "chat.delete": Answer<api.ChatDeleteResponse, "channel" | "ts">;
  "chat.getPermalink": Answer<api.ChatGetPermalinkResponse, "channel" | "permalink">;
  "chat.postEphemeral": Answer<api.ChatPostEphemeralResponse, "message_ts">;
  "chat.postMessage": Corrected<Answer<api.ChatPostMessageResponse, "channel" | "ts" | "message">, { message: Posted }>;
  "chat.update": Corrected<
    Answer<api.ChatUpdateResponse, "channel" | "ts" | "text" | "message">,
    { message: Posted }
  >;
  "conversations.history": Corrected<
    Answer<api.ConversationsHistoryResponse, "messages" | "has_more">,
    { messages: Posted[] }
  >;
  "conversations.info": Corrected<
    Answer<api.ConversationsInfoResponse, "channel">,
    // Of a direct message the method documents the same object as conversations.open and conversations.list.
    {
      channel: Channel<Sampled<NonNullable<api.ConversationsInfoResponse["channel"]>>> &
        Pick<Sampled<NonNullable<api.ConversationsOpenResponse["channel"]>>, "user" | "is_open" | "priority">;
    }
  >;
  "conversations.join": Corrected<
    Answer<api.ConversationsJoinResponse, "channel">,
    { channel: Channel<Sampled<NonNullable<api.ConversationsJoinResponse["channel"]>>> }
  >;
  "conversations.list": Corrected<
    Answer<api.ConversationsListResponse, "channels" | "response_metadata">,
    // The generator saw no `is_open` here; the objects of direct messages are those of conversations.open.
    {
      channels: (Channel<Item<api.ConversationsListResponse["channels"]>> &
        Pick<Sampled<NonNullable<api.ConversationsOpenResponse["channel"]>>, "is_open">)[];
    }
  >;
  "conversations.members": Answer<api.ConversationsMembersResponse, "members" | "response_metadata">;
  "conversations.open": Answer<api.ConversationsOpenResponse, "channel">;
  "conversations.replies": Corrected<
    Answer<api.ConversationsRepliesResponse, "messages" | "has_more">,
    { messages: Posted[] }
  >;
  "files.completeUploadExternal": Corrected<
    Answer<api.FilesCompleteUploadExternalResponse, "files">,
    { files: Stored<api.FilesCompleteUploadExternalResponse["files"]>[] }
  >;
  "files.delete": Answer<api.FilesDeleteResponse, never>;
  "files.getUploadURLExternal": Answer<api.FilesGetUploadURLExternalResponse, "upload_url" | "file_id">;
  "files.info": Corrected<Answer<api.FilesInfoResponse, "file">, { file: Stored<NonNullable<api.FilesInfoResponse["file"]>[]> }>;
  "files.list": Corrected<
    Answer<api.FilesListResponse, "files" | "paging">,
    { files: Stored<api.FilesListResponse["files"]>[] }
  >;
  "functions.completeError": Answer<api.FunctionsCompleteErrorResponse, never>;
  "functions.completeSuccess": Answer<api.FunctionsCompleteSuccessResponse, never>;
  "oauth.v2.access": Answer<
    api.OauthV2AccessResponse,
    "access_token" | "token_type" | "scope" | "bot_user_id" | "app_id" | "team" | "authed_user"
  >;
  "team.info": Answer<api.TeamInfoResponse, "team">;
  // https://docs.slack.dev/reference/objects/usergroup-object: `auto_type` and `deleted_by` are null, so dropped by the generator.
  "usergroups.list": Corrected<
    Answer<api.UsergroupsListResponse, "usergroups">,
    { usergroups: (Item<api.UsergroupsListResponse["usergroups"]> & { auto_type: null; deleted_by: null })[] }
  >;
  "usergroups.users.list": Answer<api.UsergroupsUsersListResponse, "users">;
  "users.conversations": Corrected<
    Answer<api.UsersConversationsResponse, "channels" | "response_metadata">,
    { channels: Channel<Item<api.UsersConversationsResponse["channels"]>>[] }
  >;
  "users.info": Corrected<
    Answer<api.UsersInfoResponse, "user">,
    { user: Member<NonNullable<api.UsersInfoResponse["user"]>> }
  >;
  "users.list": Corrected<
    Answer<api.UsersListResponse, "members" | "cache_ts" | "response_metadata">,
    { members: Member<NonNullable<api.UsersListResponse["members"]>[number]>[] }
  >;
  "views.open": Corrected<Answer<api.ViewsOpenResponse, "view">, Shown<api.ViewsOpenResponse["view"]>>;
  "views.publish": Corrected<Answer<api.ViewsPublishResponse, "view">, Shown<api.ViewsPublishResponse["view"]>>;
  "views.push": Corrected<Answer<api.ViewsPushResponse, "view">, Shown<api.ViewsPushResponse["view"]>>;
  "views.update": Corrected<Answer<api.ViewsUpdateResponse, "view">, Shown<api.ViewsUpdateResponse["view"]>>;
}

// A refusal is the same for every method. `errors` comes with `invalid_blocks`.
export interface Refusal extends Known<api.WebAPICallResult> {
  ok: false;
  error: string;
  errors?: string[];
  needed?: string;
  provided?: string;
}

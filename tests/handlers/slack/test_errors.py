"""Slack's errors: each that a method the desk calls can answer, and whether it passes."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import PASSING, REFUSED_TOKENS, error_code, is_away, is_transient, may_have_been_posted
from tests.handlers.conftest import TICKETS, Office


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# From the pages of the methods, https://docs.slack.dev/reference/methods, as slack-ruby/slack-api-ref kept them on 20 August
# 2026: auth.test, apps.connections.open, chat.{delete,getPermalink,postEphemeral,postMessage,update}, conversations.{info,list},
# files.{completeUploadExternal,getUploadURLExternal,info,list}, usergroups.{list,users.list}, users.{conversations,info,list},
# views.{open,publish,push,update}. What is in both rows of a page is in one here.
PASSES = _codes("""
accesslimited account_inactive ekm_access_denied external_channel_migrating fatal_error file_update_failed internal_error invalid_auth
message_limit_exceeded not_allowed_token_type not_authed org_login_required rate_limited ratelimited request_timeout
service_unavailable team_access_not_granted team_added_to_org token_expired token_revoked two_factor_setup_required
update_failed
""")
STAYS = _codes("""
access_denied alt_txt_too_large app_access_restricted as_user_not_supported attachment_payload_limit_exceeded block_mismatch
blocked_file_type cannot_reply_to_message cant_broadcast_message cant_delete_message cant_update_message
canvas_disabled_file_team canvas_disabled_user_team canvas_globally_disabled channel_is_limited_access channel_not_found
channels_limit_exceeded deprecated_endpoint draft_already_deleted draft_already_sent draft_has_conflict draft_not_found
duplicate_channel_not_found duplicate_external_id duplicate_message_not_found edit_window_closed enterprise_is_restricted
exchanged_trigger_id expired_trigger_id file_deleted file_is_deleted file_not_found file_share_limit_reached
file_type_not_allowed file_upload_size_restricted file_uploads_disabled
file_uploads_except_images_disabled forbidden_team hash_conflict insecure_request invalid_arg_name invalid_arguments
invalid_array_arg invalid_attachments invalid_blocks invalid_blocks_format invalid_channel invalid_charset invalid_cursor
invalid_form_data invalid_limit invalid_metadata_format invalid_metadata_schema invalid_post_type invalid_team
invalid_trigger_id invalid_types is_archived is_bot is_inactive limit_required markdown_text_conflict
max_file_sharing_exceeded message_not_found messages_tab_disabled metadata_must_be_sent_from_app metadata_too_large
method_deprecated method_not_supported_for_channel_type missing_args missing_argument missing_file_data missing_post_type
missing_profile_id missing_scope msg_blocks_too_long msg_too_long no_dual_broadcast_content_update no_permission
no_such_subteam no_text not_enabled not_found not_implemented not_in_channel not_visible plan_upgrade_required
posting_to_channel_denied push_limit_reached restricted_action restricted_action_non_threadable_channel
restricted_action_read_only_channel restricted_action_thread_locked restricted_action_thread_only_channel
send_on_behalf_not_allowed slack_connect_blocked_file_type slack_connect_canvas_sharing_blocked
slack_connect_clip_sharing_blocked slack_connect_file_link_sharing_blocked slack_connect_file_upload_sharing_blocked
slack_connect_lists_sharing_blocked snippet_too_large storage_limit_reached streaming_state_conflict team_not_found
template_not_visible too_many_attachments too_many_contact_cards too_many_users unable_to_share_files unknown_method
unknown_snippet_type unknown_subtype unknown_type user_not_found user_not_in_channel user_not_visible users_not_found
view_too_large
""")


async def failure(office: Office, **fault: object) -> SlackApiError:
    """What Slack's client raises when Slack answers a post by *fault*."""
    await office.people.fault(method="chat.postMessage", times=1, **fault)
    client = AsyncWebClient(office.slack.bot_token, base_url=office.slack.api_url)
    with pytest.raises(SlackApiError) as raised:
        await client.chat_postMessage(channel=TICKETS, text="x")
    return raised.value


def answered(code: str) -> SlackApiError:
    return SlackApiError("refused", {"ok": False, "error": code})  # type: ignore[no-untyped-call]


def test_every_error_of_the_methods_that_are_called() -> None:
    """It passes, and is waited for as long as it takes, or it stays, and is told: one of the two, and nothing else passes."""
    assert [code for code in PASSES if not is_transient(answered(code)) or not is_away(answered(code))] == []
    assert [code for code in STAYS if is_transient(answered(code)) or is_away(answered(code))] == []
    assert PASSES == PASSING


def test_a_refused_token_passes() -> None:
    """What is refused for the token's sake is done when Slack takes the token again."""
    assert [code for code in REFUSED_TOKENS if not is_transient(answered(code))] == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param({"fault": "ratelimited", "retry_after": 1}, "ratelimited", id="429"),
        pytest.param({"fault": "ratelimited", "error": "rate_limited", "retry_after": 1}, "rate_limited", id="spelt"),
        pytest.param({"fault": "ratelimited", "error": "too_early", "retry_after": 1}, "too_early", id="another word"),
        pytest.param({"fault": "ratelimited", "json": False, "retry_after": 1}, None, id="no JSON"),
    ],
)
async def test_too_early_however_it_is_said(office: Office, fault: dict[str, object], code: str | None) -> None:
    """It passes by its status, whatever its word; and nothing was posted, so nobody has to look for it."""
    error = await failure(office, **fault)
    assert error_code(error) == code
    assert is_transient(error)
    assert not may_have_been_posted(error)


@pytest.mark.parametrize("fault", ["server_error", "html"])
async def test_no_word_of_slack_s(office: Office, fault: str) -> None:
    """A page for people instead of an answer passes, and leaves open whether it was posted."""
    error = await failure(office, fault=fault)
    assert is_transient(error)
    assert may_have_been_posted(error)

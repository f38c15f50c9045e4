"""Campaigns and their conversations, as far as opting out concerns them: told whole, so that telling again changes nothing."""

from typing import Final

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, Parameter, read
from handlers.platform.problems import NO_CAMPAIGN, Problem
from store import KeyReused, Scope, Store, StoreError, StoreRefused, StoreUnavailable

_CAMPAIGN: Final = Parameter(
    "campaign",
    {"type": "string", "pattern": models.CAMPAIGN_ID},
    "The platform's own id of a campaign: letters, digits and any of . _ ~ : -, up to 128, of which the first is no dot.",
    "gotv-october",
)


class Campaigning:
    """The endpoints about campaigns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "PUT",
                "/campaigns/{campaign}",
                "putCampaign",
                "Make a campaign known, or change it",
                "Its name, as people in Slack read it, and whether it is active: only in active campaigns do conversations "
                "re-open when texts are allowed again. The same again changes nothing.",
                (Scope.CAMPAIGNS,),
                (models.CampaignAnswer,),
                self._put,
                parameters=(_CAMPAIGN,),
                body=models.CampaignRequest,
                writes=True,
            ),
            Endpoint(
                "PUT",
                "/campaigns/{campaign}/conversations",
                "putConversations",
                "Make conversations of a campaign known",
                "Up to 10,000, all or none: who is written to, by the platform's own id, and the phone. One is opted out at "
                "once when its phone is. The same again changes nothing; of a contact that comes twice the last counts.",
                (Scope.CAMPAIGNS,),
                (models.ConversationsAnswer,),
                self._put_conversations,
                parameters=(_CAMPAIGN,),
                body=models.ConversationsRequest,
                writes=True,
                problems=(NO_CAMPAIGN,),
            ),
        )

    def _put(self, call: Call) -> bytes:
        asked: models.CampaignRequest = read(models.CampaignRequest, call.raw)
        put = self._store.campaigns.put(
            call.account, call.path["campaign"], asked.name, asked.active, idempotency_key=call.idempotency_key
        )
        return models.CampaignAnswer(changed=put.changed).model_dump_json().encode()

    def _put_conversations(self, call: Call) -> bytes:
        asked: models.ConversationsRequest = read(models.ConversationsRequest, call.raw)
        talks = [(one.contact, one.phone) for one in asked.conversations]
        try:
            put = self._store.campaigns.put_conversations(
                call.account, call.path["campaign"], talks, idempotency_key=call.idempotency_key
            )
        except (StoreUnavailable, StoreRefused, KeyReused):
            raise
        except StoreError as error:
            # Phones and their number were looked at; what is left is a campaign that nobody put.
            raise Problem(NO_CAMPAIGN, str(error)) from None
        answer = models.ConversationsAnswer(new=put.new, changed=put.changed, same=put.same, opted_out=put.opted_out)
        return answer.model_dump_json().encode()

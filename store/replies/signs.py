"""
Signs that a reply may ask for no more texts, or for fewer, or reached somebody else: a person is to look at it.

They propose and never decide. Each is a block of phrases, as `store.replies.notation` has them, over the words that
`store.replies.reading` gives.
"""

import re
from dataclasses import dataclass
from typing import Final

from store.replies.notation import pattern_of
from store.replies.reading import plain_letters


@dataclass(frozen=True, slots=True)
class Sign:
    """A kind of sign; *sentence* says what the reply seems to want, as a note can."""

    name: str
    sentence: str


_NAMES: Final = {
    "TEXTS": "text/texts/message/messages/sms/texting/messaging/spam/crap/garbage/junk/trash/bs/bullshit/shit/nonsense/"
    "communication/communications/solicitation/solicitations/notification/notifications/alerts/updates/e_mail/email/emails/calls/"
    "mensaje/mensajes/mensajitos/texto/textos/texte/textes/courriels",
    "TEXTING": "texting/messaging/contacting/bothering/harassing/spamming/bugging/pestering/annoying/soliciting/hounding/badgering/"
    "emailing/calling/ringing/phoning/hassling/stalking/blowing_up/hitting_me_up/hitting_up",
    "ASKING": "asking/begging/hitting/bugging/pestering",
    "REACH": "text/texting/texted/message/messaging/messaged/contact/contacting/contacted/bother/bothering/email/spam/call/calling/"
    "write/writing/ring/phone/harass/solicit/bug/pester/disturb/hit/ask/annoy",
    "STOP": "stop/stopping/stopped/quit/quitting/cease/halt/discontinue/refrain_from/cut_out/knock_off/knock_it_off/end/ending",
    "NOT": "do_not/dont/did_not/didnt/does_not/doesnt/never/not/no_longer/will_not/wont/cannot/cant/aint/isnt/refuse_to",
    "WANT": "want/wanna/wish/wishes/wants/care/need/interested/desire/prefer/like/appreciate",
    "ME": "me/us/my/mine/our/here/him/her/them/this_number/this_phone/that_number/mom/dad/anyone",
    "MY": "my/our/this/his/her/the/their/mine",
    "OFF": "me/us/my/our/mine/this/him/her/them/mom/dad/it",
    "LIST": "list/lists/lista/liste/listas/listes/database/rolodex/system/contacts/group/thread/chat/group_chat/conversation",
    "KIND": "-/damn/fucking/stupid/text/texting/sms/contact/call/calling/phone/mailing/email/campaign/political/distribution/marketing/spam/"
    "donor/fundraising/volunteer",
    "FAMILYS": "moms/mothers/dads/fathers/sons/daughters/sisters/brothers/husbands/wifes/wives/childs/kids/grandsons/granddaughters/"
    "grandmas/grandmothers/ex_s/exs/neighbors/friends/boss_s",
    "NUMBER": "number/numbers/name/phone/cell/info/information/contact/data/details",
    "FAMILY": "husband/wife/mom/mother/dad/father/son/daughter/brother/sister/grandma/grandpa/grandmother/grandfather/uncle/aunt/kid/kids/"
    "parents/family/roommate/spouse/partner/boyfriend/girlfriend/friend",
    "GIVING": "donation/donations/donate/donating/fundraising/fundraiser/fundraisers/money/contribution/contributions/contribute/cash/"
    "dinero/donativos/donaciones/donar/dons/don/argent",
    "PEOPLE": "bro/bruh/dude/man/guys/people/please/now/already/you/u/me/all/lol/smh/asshole/assholes/idiot/idiots/moron/morons/jerk/"
    "jerks/fucking/forever/ok/thanks/for_good/everything/immediately/por_favor/merci/gracias/it/this/that/damn_it/dammit/thank_you",
    "WHEN": "until/till/before/after/during/hasta/at_night/so_early/so_late/so_often/so_much/this_month/this_week/this_early/this_late/"
    "next_month/for_now/at_work/in_the_morning/while_i/when_i/on_sunday/on_sundays/on_weekends/at_this_hour/at_this_time",
    "HERE": "at_this_number/at_this_address/at_this_phone/by_that_name/by_this_name/of_that_name/with_that_name/with_this_number",
}

_DECEASED: Final = re.compile(
    pattern_of(
        """
        passed_away/passed_on/deceased/no_longer_with_us/no_longer_alive/rest_in_peace/obituary/departed
        he/she/FAMILY/owner/who/hes/shes/has/is/just/recently died/dead |
        he/she/FAMILY/owner/who/hes/shes/has/is/just/recently died/dead in/last/this/on/from/two/three/several/a/and/so/please
        he/she/FAMILY/owner/who has died
        he/she/FAMILY ..1 passed |
        he/she/FAMILY ..1 passed so/and/but/now/in/last/this/on/from/two/three/several/a
        died/dead ..3 ago/last_year/last_month/last_week
        fallec*/murio/difunto/difunta/esta_muerto/esta_muerta/decede/decedee/decedes/defunt/defunte/est_mort/est_morte
        """,
        _NAMES,
    )
)
_SOMEBODY_ELSE: Final = re.compile(
    pattern_of(
        """
        wrong/incorrect/bad number/num/contact/recipient
        got/have/has/reached/texted/dialed -/a/the wrong
        her/his/their landlord
        new/previous owner/tenant of
        wrong person/phone/guy/gal/lady/man/woman/one/individual/house/family/people |
        wrong person sorry/this/my/i/please/my_name
        not/isnt/no_longer/never/aint/wasnt ..2 number/phone/cell |
        not/isnt/no_longer/never/aint/wasnt ..2 number/phone/cell anymore/any_more/for/he/she
        MY old number/phone
        old/previous/former/prior owner
        FAMILYS -/old/new number/phone/cell/line
        no/nobody/no_one/none/not_a/theres_no ..2 here |
        no/nobody/no_one/none/not_a/never_heard_of/dont_know/do_not_know/isnt_a/is_no/isnt/theres_no ..3 HERE
        just_got/recently_got/have_had/ive_had/just_have ..1 this number
        does_not/doesnt/no_longer/hasnt ..1 live_here/lived_here/here_anymore/works_here/work_here
        does_not/doesnt/no_longer/dont/havent/hasnt/not/didnt ..2 use_this/have_this/at_this_number/own_this
        someone/somebody elses/else_s phone/number
        looking_for/want/meant/reached/reaching/reach/confused_with/texting/texted/have/confusing ..3 someone_else/somebody_else
        changed/switched number/numbers/phones
        got/has/have a new number/phone
        number/phone belongs/belonged/was/is/has_been ..3 to/reassigned/mine/disconnected/hers/his/changed/someone
        this_is_not/this_isnt/thats_not/that_is_not/im_not/i_am_not him/her/them/me/that_person/the_person/the_right_person/who_you
        not/isnt -/the right/correct person/number
        hes/shes/he_is/she_is/im/i_am -/only/just/like 5/6/7/8/9/10/11/12/13/14/15/16/17/ten/eleven/twelve/thirteen/fourteen/fifteen/sixteen/seventeen |
        hes/shes/he_is/she_is/im/i_am -/only/just/like 5/6/7/8/9/10/11/12/13/14/15/16/17/ten/eleven/twelve/thirteen/fourteen/fifteen/sixteen/seventeen year/years/yrs/yo/y_o/so/i_cant/cant/not
        minor/underage/under_age/under_18/under_eighteen/menor_de_edad/mineur/mineure
        | this_isnt/this_is_not/thats_not/it_is_not ..1 |
        i_no_longer/we_no_longer live/lived there/at_that_address/at_this_address
        my/a child/kid phone/number/cell
        youve_reached/you_have_reached/you_reached
        this_is ..3 number/phone |
        telefono/numero/celular de mi/su/otra/otro
        telephone/numero/cellulaire/portable de ma/mon/sa
        cellulaire/telephone/numero a ma/mon
        work/business/company/office/church/school/government/corporate phone/line/cell/number |
        landline/land_line/fax_line/fax_number/fax_machine
        this_is/its/it_is a/my business/church/school/office/hospital/company/restaurant |

        numero/persona/equivocado/equivocada numero/persona/equivocado/equivocada
        equivocado/equivocada de numero/persona
        se equivoc*
        -/se ha/han equivocado |
        aqui/ya/aca no vive/hay/esta/existe/trabaja/viven
        no vive aqui/ningun/nadie/ella/el
        no es mi/su/el/de/ese numero/telefono/celular
        este/esta no es
        no conozco a

        mauvais/faux/mauvaise numero/destinataire/personne
        vous trompez/etes_trompe/etes_trompee
        n habite/est/vit plus ..2 ici/numero/la
        pas/plus mon/son/le/a_son/a_mon numero
        erreur de/sur -/la/le numero/personne
        """,
        _NAMES,
    )
)
_LESS: Final = re.compile(
    pattern_of(
        """
        too_many/so_many/fewer/less/cut_back_on/cut_down_on/reduce/limit/demasiados/trop_de/menos/moins_de ..2 TEXTS/often/frequent/frequently/requests/asks/of_these/of_them
        REACH -/me/us -/a_lot/much/way/a_little less/fewer
        only/just/solo/solamente/seulement/uniquement -/want_to/want ..1 TEXTS/contact/send/hear/write/reply ..4 about/for/if/when/on/during/from/once/local/week/month/election/elections/polls/sobre/cuando/pour/si
        | only/solo/solamente/seulement/uniquement about/regarding/pour/sobre
        only ..3 TEXTS/contact/hear/call/email ..2 me/about/if/when/for
        TEXTS/contact/call/email/write -/me/us only
        once/one/1/una_vez/une_fois/un a/per/por/par week/month/day/semana/mes/semaine/mois/jour
        no/not/without/sin/pas_de/no_more/stop/quit/dejen_de/any -/the/your/all/these/any/asking/begging/sending/more/those/pedir/demander/pidiendo -/for/me/with/of -/for/more GIVING |
        no/not/without/sin/pas_de/no_more/stop/quit/dejen_de -/the/your/all/these/any/asking/begging/sending/more/those/pedir/demander/pidiendo -/for/me/with/of -/for/more GIVING/survey/poll/event/events TEXTS/requests/asks/stuff/appeals/anymore/from/please
        dont/do_not/please_stop/never/quit/stop -/you/even ask/ASKING/begging -/me/us/me_up -/for/to -/more/any GIVING/give
        | -/please stop/quit/pause/wait/hold_off ..4 until/till/before/after/during
        dont/do_not/not/never/no/no_more ..1 REACH/TEXTS/send ..4 WHEN
        | not/no/pas -/so before/after/early/late/at_night/at_work/until ..3 am/pm/a_m/p_m/h/oclock/please |
        no/ne/pas/nothing/not ..2 until/till/before/after/hasta/antes_de/despues_de/avant/apres ..3 election/elections/november/january/monday/am/pm/elecciones/navidad/noel/christmas/next_year/then/new_year
        not/no/pas this/este/esta/ce/cette month/week/year/mes/semana/mois/semaine
        este/esta mes/semana no |
        pas apres/avant/le_soir/la_nuit/le_matin
        no me pid*/pregunt* ..1 dinero/donativos/mas
        ne me/nous demand* ..3 argent/dons
        try -/me/us -/back/again next month/week/year/time
        too/so/very/awful early/late for/to_text/to_be_texting/in_the/at_night/text
        woke/waking -/me/us/my/everyone ..2 up
        keep/keeps waking me/us
        mail/email/e_mail/phone/calls/a_call/letters is/are/works better/best/fine |
        ask me/us after/in/before/when
        pas le dimanche/samedi/lundi/matin/soir/weekend
        a mi/su hijo/hija/esposo/esposa
        muy/tan tarde/temprano
        si/trop tot/tard |
        call/email/mail/write/letter -/me/us instead/not_text/rather
        instead_of text*
        send/contact/reach/use ..4 by/via/per email/e_mail/mail
        rather/prefer/prefiero/prefere ..5 e_mail/email/emails/letter/letters/call/calls/mail/correo/courriel/whatsapp/texts/than_text/than_texts/spanish/espanol/francais
        take_a_break/a_break/vacation/pause/snooze ..2 from/texts/these/it
        stop/quit ..3 my/our FAMILY
        text/ask/contact him/her/them/my_husband/my_wife/my_daughter/my_son not/and_not/instead
        en/in spanish/espanol/french/francais/english/ingles/anglais -/only/solo/seulement/please/por_favor/svp |
        """,
        _NAMES,
    )
)
_LEAVING: Final = re.compile(
    pattern_of(
        """
        unsubscrib*/unsub/optout/desabonn*/desinscri*/desuscri*/de_baja/unlist
        opt/opting/opted/opts -/me/us/myself/this_number/my_number out
        remove/removed/delete/deleted/erase/drop/strike/scratch/purge/exclude/lose/forget/scrub/eliminate/trash ..1 me/us/mine/myself
        remove/removed/delete/deleted/erase/drop/strike/scratch/purge/exclude/lose/loose/forget/scrub/eliminate ..2 my/our/this/his/her NUMBER
        remove/delete/erase/lose/loose the number/phone
        | -/please/and remove/delete/erase/block/scrub number/phone/me/us/contact -/please/from |
        remove/removed/delete/deleted/erase/drop/strike/exclude/lose my/our FAMILY/moms/dads/wifes/husbands NUMBER
        remove/delete/erase this/it/from/please |
        please/and/so/just/or/now remove/unsubscribe |
        | take off |
        take/took/taken/get/leave/keep/want/put/pull/cut OFF ..2 off |
        take/taken/get/keep/pull me/us/my_name/my_number/my_phone/this_number ..1 off
        taken/getting/get/come off of/this/your/list
        cancel/unenroll/unregister/disenroll/deregister/disconnect/withdraw/excuse/ditch/mute me/us |
        unenroll/unregister/disenroll/deregister/unfollow/removal
        get_rid_of/throw_away/throw_out/rip_up/ditch/trash/burn my/this NUMBER
        take/took/taken/get/leave/keep/want/put/pull ..1 off of_my_phone/my_phone
        take/get/keep off of/this/your/list
        take/took/taken/get/leave/keep/pull me/us/my_name/my_number/this_number out
        take/took/taken/get/leave/keep/want/put/pull OFF ..2 off of/this/your/list/lists/now/please
        off/from/of/out_of -/of -/all/any your/you/this/the/that/these/all/any KIND KIND LIST
        off/from list/lists/lista/liste
        | off/out LIST/the_list/your_list
        to/i/me/us/number/name/please/can be/been/being removed/deleted/taken_off
        request*/ask* -/for/a/my removal
        have ..2 removed |
        quitarme/sacarme/borrarme/eliminarme/removerme/quitenme/quiteme/quitame/saquenme/saqueme/sacame/borrenme/borreme/borrame/eliminenme/elimineme/eliminame/remuevanme/remuevame/retirenme
        quit*/saqu*/borr*/elimin*/remuev*/sac*/retir*/enlev*/supprim*/effac*/ray* ..2 numero/nombre/nom/telefono/moi/lista/liste/listas/coordonnees
        otez/ote/lachez/lache/sortez/rayez/rayer/oter moi/nous
        otez/ote/rayez/rayer/enlever/retirer/effacer/supprimer mon/ce nom/numero
        | remover/removeme/enlever/oter/rayer -/me/de_la_lista/de_su_lista/de_la_liste -/svp/por_favor |
        me/nous retirer/enlever/supprimer/effacer/rayer/sacar/quitar/borrar/eliminar
        count me/us/this_number out of -/all -/your/the/these/this TEXTS/LIST
        fuera de/del lista/su_lista/la_lista
        """,
        _NAMES,
    )
)
_STOPPING: Final = re.compile(
    pattern_of(
        """
        STOP ..3 TEXTS/TEXTING
        STOP sending/calling/emailing/asking/begging/writing/messages me/us/my/to/this/these/so/out/all/any/more/your/the
        STOP sending/calling/emailing/asking/begging |
        STOP with -/all the/this/these/your
        STOP receiving/getting/the_notifications
        | stop/quit -/PEOPLE -/PEOPLE -/PEOPLE |
        | discontinue/cease/halt -/PEOPLE |
        stp texting/messaging/sending
        | stop/quit/cancel/unsubscribe i/im/ive/ill/id/we/weve/or/and_i/and_we/no/not/wrong/dont/never/because/before_i
        | stop stop/it/please/n/and_leave
        please/just/said/say/you/u/again/fucking/seriously/omg/bruh/bro/yo/dude/annoying/now/and/so/but/ok/it/this/texted/sent/typed/replied/lol/for/por_favor/guys/people/already stop/quit/unsub -/PEOPLE -/PEOPLE |
        said/asked/told/texted/replied/typed/answered/sent/wrote/requested/begged/asking/telling/saying ..4 stop/cease/quit -/PEOPLE |
        said/asked/told/texted/replied/typed/answered/sent/wrote/requested/begged/asking/telling/saying ..4 stop/cease/quit and/but/times/before/yesterday/last/to/several/two/three/twice/yet/or/multiple/2/3/4
        asked/told/asking/telling/want/wish/need/demand/request/ask -/that you/u/yall/them/this/these/it to_stop/to_quit/to_leave/stop/cease
        would_like/id_like/want/wish ..2 to_stop |
        would_like/id_like/want/wish ..2 to_stop receiving/getting/these/this/all/your/with
        you/u/yall/people/guys/these/this/it need/needs/have/has/got/must/better -/got/gotta -/to stop -/this/it/now/please |
        | -/please -/tell_me/show_me how -/do_i/can_i/to stop/end/quit |
        STOP *ing me
        STOP wasting my/our/your time
        cease_and/kindly/please/just desist/refrain/cease
        how/where/who ..5 turn/shut/get/taken/opt/make/unsub ..3 off/out/stop
        how_many_times/take_no_for_an_answer/what_part_of/take_a_hint/take_the_hint/get_the_hint/no_means_no
        how/where ..4 stop/end/cancel/quit this/these/it/getting/receiving/your/the_texts/the_messages/messages/texts
        make/makes/making ..2 stop |
        cancel/revoke/end/terminate ..2 TEXTS/subscription/subscriptions/consent/permission/suscripcion/abonnement/membership
        text/texts/messages has_to/have_to/must/need_to/needs_to stop
        STOP/you/u people/yall/guys dont/never/wont quit/stop
        can/could you/u not |
        alto/basta/parar/pare/paren/pararan/paran/dejen/deje/deja/dejar/dejaran/detener/detengan ..3 MENSAJES/promociones/molest*/mand*/envi*/escrib*/textea*/contactar*/llamar*/acos*
        quiero/deseo/quisiera/queremos -/que la_baja/salir/cancelar/parar/paren/darme |
        cancelo/cancelar/cancele/cancelen/cancela ..2 MENSAJES/suscripcion
        veuillez ..1 cesser/arreter/retirer/enlever/supprimer
        arretez/arrete/cessez ca/cela |
        ya parenle/parale/estuvo/chole
        parenle/parale |
        demande* ..3 arreter/cesser/arretiez
        arrete/arretez/arreter/cesse/cessez/stop ..4 envoyer/ecrire/texter/contacter/harceler/deranger/messages/textos/sms/appeler/messagerie
        """,
        _NAMES | {"MENSAJES": "mensajes/textos/sms/mensajitos"},
    )
    # The last word, and nobody else is to stop.
    + "|"
    + "".join(
        rf"(?<! {before})"
        for before in (
            *("dont", "not", "never", "wont", "cant", "to", "must", "will", "should", "ill", "we", "us"),
            *("non", "bus", "pit", "the", "a", "full", "next"),
        )
    )
    + pattern_of("stop -/PEOPLE |", _NAMES).replace("[.,?]", "[.,]")
)
_NOBODY_TEXTS: Final = r"(?<! i)(?<! we)(?<! he)(?<! she)(?<! they)(?<! you)(?<! who)(?<! ill)"
_UNWILLING: Final = re.compile(
    _NOBODY_TEXTS
    + "(?:"
    + pattern_of(
        """
        do_not/dont/never/not/must_not/may_not/shall_not/should_not/cannot/please_no ..2 REACH ME/again/any/anymore/ever/at/about/for/so/on/too/please/until/por_favor
        do_not/dont/never -/ever/you_ever REACH |
        do_not/dont/never ..1 REACH or/and REACH
        do_not/dont send |
        do_not/dont/never -/ever/you_dare/you_ever/you -/ever/dare text/message/contact
        do_not/dont/never include/involve/add/count/put me/us
        do_not/dont/never/not/no ..2 send/sending/sent me/us/any/these/this/anything/more/TEXTS/it/stuff
        """,
        _NAMES,
    )
    + ")|"
    + pattern_of(
        """
        | -/please/so/just/and do_not/dont/never ..2 text/message/contact/bother/call/spam/harass
        NOT ..2 WANT ..4 TEXTS/contacted/texted/hear_from/hearing_from/bothered/involved/receive/receiving/get_these/be_on/part_of/contact_me/text_me/call_me
        NOT want/need/wish_for/like/appreciate this/these/them/it/any/any_more/anymore/more/any_of_this/nothing -/please/anymore |
        WANT nothing to_do/from/more
        want/wants no part/more_of/more_from
        NOT accept/allow/authorize/take ..2 TEXTS
        | never again |
        want/wants/wish out |
        prefer/rather/like/want/wish/choose/asked/appreciate ..4 not/no_longer/never/no_more ..2 TEXTS/receive/receiving/contacted/texted/hear/get/be_on/REACH
        prefer/rather/choose not |
        no_longer/not/dont/do_not/isnt interested/participating/subscribed -/thanks/thank_you/anymore/please/sorry |
        | uninterested -/thanks |
        not interested in your/this/these/any/receiving/getting/hearing/being/anything
        would_you/do_you/please -/mind not REACH
        please not/no -/more -/TEXTS |
        no/zero/not_another/not_one/not_a_single more/further/additional/damn/fucking/new/political/any/such/single/other/unsolicited/of_your ..2 TEXTS
        no TEXTS/contact/soliciting/solicitors |
        no TEXTS please/thanks/to/no/or/ever/at_all
        no_more ..2 of_this/of_these/of_your/from_you
        | no_more -/please/already/now/thanks/thank_you/por_favor/ok |
        please/plz no_more
        | -/thats enough/basta -/already/now/please/ya/of_this |
        ya_basta con
        no me/nos/le/les mand*/envi*/escrib*/text*/contact*/molest*/llam*/busqu*
        that/if/would you no_longer/never/not -/ever REACH/send/sending
        | -/please do_not/dont/never -/ever reply/respond/write_back -/to_me/again/please |
        ive/i_have had enough -/of_this/of_you/of_these/of_it |
        no vuelva/vuelvan/vuelvas a
        no molest*/envi*/mand*/escrib* -/mas/me |
        no molest*/envi*/mand*/escrib* mas
        no me/nos/le ..1 mensajes/textos
        -/ya no quiero/queremos/deseo/deseamos/quiere/desea ..3 TEXTS/recibir/recibiendo/nada_de_ustedes/me_escriban/me_manden/que_me
        -/ya no quiero/queremos/deseo/deseamos -/nada mas/nada |
        -/ya no me/nos interesa/interesan -/nada/gracias/mas/esto |
        no estoy/estamos interesado/interesada/interesados
        nada/no/ningun -/de mas TEXTS
        ne/n ..2 plus ..3 message/messages/texto/textos/sms/texte/textes
        ne/n ..2 plus/pas ..3 contacter/contactez/ecrire/ecrivez/recevoir/envoyer/envoyez/interesse/interessee/deranger
        ne/n m/me/nous ..1 plus/pas/jamais
        me/m/nous contact*/ecri*/envo*/text*/derang*/appel*/sollicit* plus/pas
        veux/souhaite/desire/voulons/souhaitons plus/pas ..3 TEXTS/recevoir/rien/de_vous/etre
        pas/plus interesse/interessee |
        plus/assez/jamais/aucun -/de/d ..1 TEXTS
        | pas de TEXTS/texte/texto/textos
        n ecrivez/ecris plus
        merci d/de -/ne_plus/ne_pas arreter/cesser/contacter/ecrire/texter
        ca suffit
        """,
        _NAMES,
    )
)
_THREATENING: Final = re.compile(
    pattern_of(
        """
        cease_and_desist/dnc/tcpa/no_call_list/national_registry/small_claims/can_spam/gdpr/acoso/harcelement
        do_not call/text/contact -/call_list list/registry/register
        sue/suing you/your/ya/yall/u
        report*/complain*/complaint/to/violat*/against ..3 fcc/ftc/attorney_general
        fcc/ftc complaint/violation/rules/regulations
        call/calling/contact/from/to my/our lawyer/attorney/lawyers
        my/our lawyer/attorney/lawyers/abogado/avocat will/is/has/and/knows/va
        legal_action/to_court/press_charges/class_action/poursuites/demandar*/denunciar*/porter_plainte/lawsuit_against
        file -/a complaint/suit/lawsuit/report
        never/not/didnt/dont/without/no/nor/revoke/withdraw/rescind/revoking/withdrawing/revoked ..4 consent/consented/permission/authorize/authorized/authorization/opt_in/opted_in/consentement/consentimiento/autorice/autorizo/autorise/inscribi/inscrit/inscrite
        never/not/didnt/dont/nobody ..2 sign_up/signed_up/signup/subscribe/subscribed |
        never/not/didnt/dont/nobody ..2 sign_up/signed_up/signup/subscribe/subscribed for/to/4 this/these/your/any/anything/it/TEXTS/be/get/receive
        never/not/didnt/dont/nobody ..3 agree/agreed/ask/asked/request/requested -/for/to/to_be/to_get/to_receive this/these/receive/any/your/texted/contacted/on_your
        never/didnt/not ..2 give/gave/given/gives ..2 my number/info/phone
        consent/permission withdrawn/revoked/denied/not_given
        respect my privacy/wishes/time
        no/nunca/jamas ..3 numero/permiso/consentimiento
        jamais/pas ..3 consentement/consenti/autorise/autorisation
        further contact/text/texts/message/messages/communication/communications
        """,
        _NAMES,
    )
)
_COMPLAINING: Final = re.compile(
    pattern_of(
        """
        who gave/sold/gives you my/this/our NUMBER
        who_did_you/where_did_you/how_did_you/howd_you/whered_you/how_do_you/how_you get/got/find/obtain/have -/a_hold_of my/this/our NUMBER
        quien/como/donde ..4 dio/dieron/consiguio/consiguieron/obtuvo/obtuvieron/tiene/tienen/consiguiste mi numero/telefono
        qui/comment/ou ..4 donne/eu/obtenu/trouve mon numero/telephone
        tired/sick/fed_up/done/annoyed/annoying/enough/harto/harta/cansado/cansada/marre/ras_le_bol/over/exhausted ..4 TEXTS/TEXTING/you_people/hearing_from/getting_these/de_ustedes/de_vous
        unwanted/unsolicited/annoying/harassing/illegal/relentless/constant/constantly/nonstop/non_stop/endless/incessant/bombarded/inundated/flooded ..2 TEXTS/TEXTING/with_texts
        these/your/this ..2 text/texts/message/messages/texting ..3 annoying/harassment/harassing/spam/unwanted/ridiculous/excessive/too_much/unsolicited/intrusive/unwelcome/out_of_control
        why/you/u/people/guys/they/always/constantly/continually ..3 TEXTING/sending me/us/my/this/these
        keep/keeps/kept/still/continue/continues/continually TEXTING/sending me/us/my
        keep/keeps/kept/still/continue/why_do/why_am ..2 getting/receiving/get/receive this/these/your/texts/messages/them/so_many
        continue/continues/continued to text/send/contact/message/get/receive
        this_is/thats/just/report/reported/marked/its/as/reporting/flagged/pure/more/is -/as/for/a/considered/you/this/called/to/such/just spam/harassment/junk/a_scam/phishing/scam
        | spam/spammer/spammers/harassment/scam/scammer/scammers/phishing/spamming -/me/please |
        block/blocked/blocking/report/reported/reporting/bloquear/bloqueado/bloquearlos/bloqueando -/you/your/this/the/ya/them/el/ce/u you/number/ya/them/numero/this/as_spam/u/vous/phone/los/texts
        block/blocked/blocking/reporting/bloquear you/u/ya/this/them/your/vous
        | blocked/reported -/and -/blocked/reported |
        youre/you_are/you_have_been/you_been/consider_yourself blocked
        blowing up my
        text/message/contact/bother me/us ..1 again/one_more_time/once_more ..1 and/ill/i
        pay/charged/charges/costs ..4 TEXTS
        these/your/the texts/messages cost
        harassing me/us/people/my
        done/through/finished/enough with these/this/you/it |
        enough with the/these/your/this/all
        invasion of -/my/our privacy
        """,
        _NAMES,
    )
)
_REBUFFING: Final = re.compile(
    pattern_of(
        """
        leave/let me/us/my/her/him/people ..2 alone/be/in_peace |
        leave me/us/my_family ..3 alone
        go_away/get_lost/buzz_off/bug_off/piss_off/screw_you/screw_off/eat_shit/go_to_hell/go_fuck/kick_rocks/shove_it/stfu/gtfo/drop_dead/back_off/bite_me/get_a_life/take_a_hike/pound_sand/gfy/shut_up/shut_the_fuck_up/bugger_off/eff_off/eff_you
        fuck/fck/fuk/f_ck/f_k/f_ off/you/u/yourself/yourselves/yall/y_all/ya
        f/eff off/u/you
        kiss my ass/butt/a
        get out_of/off my phone/life
        | fu/foff/bitch/asshole/assholes |
        mind your -/own business
        text/message/call/contact/bother/bug/annoy/harass/ask another/others/someone_else/somebody_else/anybody_else/anyone_else
        ill/i_will/gonna/going_to kill/shoot/hurt/find/hunt/beat you/u
        deje/dejen/deja/dejenme/dejeme/dejame/dejennos -/me en_paz/tranquilo/tranquila/tranquilos
        vayanse/larguense/vete/largate/vayase/chinga/chinguen/chingate/pendejos/pendejo
        laisse/laissez/fichez/foutez/fiche ..2 tranquille/tranquilles/en_paix/la_paix/paix
        degage/degagez/va_te_faire/allez_vous_faire/foutez_le_camp/va_chier
        """,
        _NAMES,
    )
)
_AGAIN: Final = re.compile(
    pattern_of(
        """
        opt/opting/opted -/me/us -/back in
        unstop/resubscrib*/reabonn*
        re subscrib*
        back on the/your/this list
        start/resume/restart texting/sending/messaging me/us
        | -/please/pls/you_can text/message me/us again -/please/thanks |
        """,
        _NAMES,
    )
)
_LONE_WORD: Final = re.compile(
    pattern_of(
        """
        | -/please/ok/just/no/yes/hey/now/por_favor nomore/junk/end_all/stop/quit/cancel/end/unsubscribe/revoke/remove/stp/enough/no_more/off/delete/block/leave/spam/out/pause/mute/halt/abort/desist/cease/refuse/end_it/end_this/stop_it/stop_this/stop_that/stop_them/quit_it/cancel_it/cancel_this/cancel_all/stop_pls -/please/now/thanks/already/por_favor |
        | -/please/ok/no/por_favor basta/fin/para/parale/salir/no_mas/nomas/nada_mas/terminar/eliminar/borrar/quitar/bloquear/silencio/ya_basta/ya_no/ya_no_mas/suficiente/detener/suspender -/ya/por_favor/gracias |
        | fini/assez/resilier/annuler/retirer/quitter/stopper/supprimer/terminer/ca_suffit -/svp/merci |
        | stopp/abmelden/aufhoren/keine_sms/sair/parem/smettila/basta_cosi/sispann/tigil/itigil -/please |
        """,
        _NAMES,
    )
)
# Russian, Chinese, Japanese, Korean, Arabic, Hebrew and Hindi: their words for it, where they stand alone.
_OTHER_SCRIPTS: Final = re.compile(
    pattern_of(
        plain_letters(
            "| стоп/стой/хватит/отписаться/отпишите/отпишите_меня/отмена/退订/退訂/取消/停止/停/不要发/停止发送/别发了/やめて/停止して/"
            "그만/수신거부/취소/중지/توقف/الغاء/ايقاف/أوقف/קוף/הסר/תפסיקו/बंद/बंद_करो/रोको |"
        ),
        {},
    )
)

# The first that fits is told.
SIGNS: Final[tuple[tuple[Sign, re.Pattern[str]], ...]] = (
    (Sign("deceased", "says that somebody has died"), _DECEASED),
    (Sign("somebody else", "may come from somebody else than was meant"), _SOMEBODY_ELSE),
    (Sign("less", "seems to ask for fewer or other texts, not for none"), _LESS),
    (Sign("leaving", "seems to ask to be taken off a list"), _LEAVING),
    (Sign("stopping", "seems to ask to stop"), _STOPPING),
    (Sign("unwilling", "seems to say that texts are not wanted"), _UNWILLING),
    (Sign("consent", "speaks of the law or of consent"), _THREATENING),
    (Sign("complaining", "seems to complain about texts"), _COMPLAINING),
    (Sign("rebuffing", "sends whoever texts away"), _REBUFFING),
    (Sign("texts again", "may ask for texts again, though not in a word for it"), _AGAIN),
    (Sign("lone word", "is a word that may ask to stop"), _LONE_WORD),
    (Sign("lone word", "is a word that may ask to stop"), _OTHER_SCRIPTS),
)

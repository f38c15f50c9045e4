"""
What it takes to allow texts to a phone again, by the reasons for which it is opted out. Pure.

A mistake of ours is put right by whoever finds it. What the contact asked for itself, on whatever surface that was noted,
is not ours to take back: the contact has to have said something else since. After a legal threat one person does not
decide alone. Of several reasons the strictest decides, and where words leave a doubt they count as the contact's.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from store.notes import Function
from store.records import AllowRule, Cause, OptOut

# Characters of a reason or a note that are looked at; a list's own note may be as long as a cell, and says more then than
# that somebody was mistaken.
_LONGEST: Final = 5_000
# Letters in what counts as words.
_FEWEST_LETTERS: Final = 3
_RULES: Final = {
    Cause.ASKED: AllowRule.REASON,
    Cause.HOSTILE: AllowRule.REASON,
    # No mistake either; and texting somebody's family by one hurts.
    Cause.DECEASED: AllowRule.REASON,
    Cause.LEGAL: AllowRule.TWO_ADMINS,
}
_MISTAKES: Final = frozenset({Cause.WRONG_NUMBER, Cause.TEST})
# Made on the contact's own word, unless the cause says that it was the wrong contact.
_ON_BEHALF: Final = frozenset({Function.TEXTER, Function.API})


def rule_of(standing: Iterable[OptOut]) -> AllowRule:
    """The rule for allowing texts again to a phone with these *standing* opt-outs: the strictest of theirs."""
    return max(map(_rule, standing), default=AllowRule.CONFIRM)


def is_of_contact(opt_out: OptOut) -> bool:
    """Whether the contact asked for it itself, or is dead: whatever else than a mistake made the opt-out."""
    return _rule(opt_out) > AllowRule.CONFIRM


def says_why(reason: str | None) -> bool:
    """Whether *reason* has words in it, as a reason has to."""
    return sum(map(str.isalpha, (reason or "")[:_LONGEST])) >= _FEWEST_LETTERS


def _rule(opt_out: OptOut) -> AllowRule:
    entry = opt_out.entry
    rule = AllowRule.CONFIRM if entry.cause is None else _RULES.get(entry.cause, AllowRule.CONFIRM)
    on_behalf = entry.function in _ON_BEHALF or opt_out.requested_at is not None or entry.requested_at is not None
    if entry.function in (Function.KEYWORD, Function.ERASE) or (on_behalf and entry.cause not in _MISTAKES):
        rule = max(rule, AllowRule.REASON)
    return max(rule, _rule_by_words(entry.reason), _rule_by_words(opt_out.imported_note))


def _rule_by_words(text: str | None) -> AllowRule:
    """The rule by what somebody wrote about the contact, in English, Spanish or French."""
    if not text:
        return AllowRule.CONFIRM
    words = _folded(text)
    if any(phrase in words for phrase in _MISTAKEN):
        for phrase in _NOBODY_ASKED:
            words = words.replace(phrase, " ")
    if any(phrase in words for phrase in _THREATS):
        return AllowRule.TWO_ADMINS
    asked = len(text) > _LONGEST or any(phrase in words for phrase in _REQUESTS)
    return AllowRule.REASON if asked else AllowRule.CONFIRM


def _folded(text: str) -> str:
    """*text* as its words, without accents, capitals and signs, each between blanks."""
    decomposed = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
    kept = (char if char.isalnum() else " " for char in decomposed if not unicodedata.combining(char))
    return f" {' '.join(''.join(kept).split())} "


def _phrases(lines: str) -> tuple[str, ...]:
    """The phrases of *lines*, between commas, folded as text is; `a/b c` stands for `a c` and `b c`."""
    found: list[str] = []
    for phrase in lines.replace("\n", ",").split(","):
        ways = [""]
        for word in phrase.split():
            ways = [f"{way} {one}" for way in ways for one in word.split("/")]
        found += [_folded(way) for way in ways if way]
    return tuple(dict.fromkeys(found))


_MISTAKEN: Final = _phrases("""
    mistake, mistakes, mistaken, mistakenly, error, errors, wrong, typo, mistyped, misdialed, misread
    test, tests, testing, accident, accidentally, our fault, my fault
    equivocado, equivocada, equivocacion, prueba, sin querer
    erreur, faux/mauvais numero, essai
""")
# In the words of somebody who explains a mistake; of anybody else "never asked" is a complaint.
_NOBODY_ASKED: Final = _phrases("""
    did not/never ask, didn't/didnt ask, never/not asked, nobody/noone asked, no one asked, hasn't/haven't/hadn't asked
    no/nunca/nadie pidio, nadie/no lo pidio
    n'a pas/rien/jamais demande, n'a pas demandee, personne n'a demande
""")
_REQUESTS: Final = _phrases("""
    asked, asks, asking, ask to/us/not/for/that, per/on/at her/his/their/the request
    request, requested, requests, requesting, demanded, demands, demanding, insisted, insists, begged
    told us/me/them/you/him/her/our/the/a/to/not/staff, tells us/me
    said/says/saying/wrote/replied/texted/answered/sent stop/no/not/end/cancel/quit/remove/off, cancel, unsubbed, forgotten
    stop, stopp, stopall, stops, stopped, quit, unsubscribe, unsubscribed, unsub, unsubscribes, revoke, revoked, revokes, optout
    opt out, opted out, opts out, opting out, opt me/her/him/them/us out, opt-out, wants/want/wanted/wanting out/off/no
    wants/want/wanted us/me/you to, wants/want/wanted nothing/none/less/it/this/them, wish/wishes/wished to/not/no
    remove me/us/her/him/them/my/this, be removed, to be taken off, take me/us/her/him/them/my off, take my number
    off the/our/your/this/my/all list/lists, do not/never text/contact/call/message/write/disturb/email
    don't/dont/never text/contact/call/message/write/disturb/email, no more, no texts/messages/calls/contact
    no longer wants/want/wishes/wish/interested/consents, not interested, no interest, without consent, no consent
    does/do/did not want/wish/like/consent/agree/care, doesn't/don't/didn't/doesnt/dont/didnt want/wish/like/consent/agree/care
    leave me/us/her/him/them alone, lose my/this/her/his number, delete my/me, complained, complaint, complaints, complains, complaining
    refused, refuses, declined, declines, objected, objects, objection, withdrew, withdraws, never signed/agreed/consented/subscribed
    left/leave alone, please don't/dont, please do not, never again, remove from, remove/removed off, off list/lists
    fed up, tired of, sick of, harass, harassed, harassing, harassment, blocked us/me, blocking us/me, spam, gdpr
    please remove/delete/stop, removed by, removal, called/wrote/emailed to complain, complain, ask'd, per voter/contact, no thanks
    did not sign/subscribe, didn't/didnt sign/subscribe, never text/texting us/again, never to text/contact/call/message, prefers/prefer/preferred not/no
    would/they'd/she'd/he'd rather not/no, hates texts/it/this/us, hate texts/this, go away, get lost, leave her/him/them/me be, f off, fuck off, piss off
    hostile, angry, upset, annoyed, furious, rude, cursed, cursing, cussed, cussing, hung up, swore, swearing, abusive, insulted, yelled, screamed, threatened, threats, threatening
    pidio, pidieron, pide, piden, pidiendo, pedido/pedida que, ha/han pedido, solicito, solicita, solicitan, solicitaron, solicitud
    a peticion, peticion, exigio, exige, exigen, exigieron, rogo, suplico
    no quiere/quieren/quiero/quería/querian/desea/desean/deseo, quiere/quieren que no/dejemos/paremos, quiere/quieren salir/darse
    dijo/dice/dijeron/dicen que no/dejemos/paremos/pare/dejen, dijo/dice no, nos dijo, no mas, basta, pare, paren, parar, alto, deje/dejen/dejar/dejemos de
    baja, dar/darse de baja, desuscribir, desuscribirse, cancelar, saquenme, sacame, quitenme, quitame, borrenme, borrame, eliminenme, retirenme
    no me/le/les/nos escriban/escriba/escribas/llamen/llame/manden/mande/envien/envie/contacten/contacte/molesten/moleste/texteen
    no contactar, no llamar, no escribir, no molestar, no enviar, queja, quejo, quejas, quejaron, rechazo, acoso, acosado, acosada
    en paz, nunca mas, no molestar/moleste/molesten
    quitar, quitarme, quitarla, quitarlo, eliminar, eliminarme, borrar, borrarme, sacar, sacarme, que ya no, prefiere/prefieren no
    no le/les interesa, no esta/estan/estoy interesado/interesada/interesados, no interesado/interesada
    molesto, molesta, molestos, enojado, enojada, enojados, furioso, furiosa, grosero, grosera, insulto, hostil, amenazo, amenaza, amenazas
    demande, demandee, demandent, demandes, demandait, prie/prient de, a/ont prie, exige, exigent, exigee, requete
    veut/veulent/veux/voulait/souhaite/souhaitent/desire/desirent plus/pas/rien, ne veut/veulent/veux/voulait/souhaite/souhaitent/desire/desirent
    a/ont dit stop/non/arret, nous/m' a/ont dit, a/ont dit de/qu'/que, arret, arrets, arreter, arretez, arrete, arretent, cesser, cessez, cesse
    plus de/aucun message/messages/texto/textos/sms/appel/appels, plus recevoir/contacter/ecrire/etre, desinscrire, desinscription, desinscrit, desinscrite
    desabonner, desabonnement, desabonne, desabonnee, se retirer, retirez, retirer de/du/la/le/son/mon, enlevez, enlever de/du/la/le/son/mon, supprimez
    ne/n' pas/plus contacter/ecrire/appeler/envoyer, n'ecrivez/n'appelez plus/pas, n' ecrivez/appelez/envoyez plus/pas
    ne me/nous/la/le/l'/les contactez/ecrivez/appelez plus/pas, laissez moi/nous, foutez moi/nous, plainte, plaint, plainte, plaignent, refus, refuse, refusee
    ne plus/pas deranger, veut/veulent/veux/souhaite/souhaitent etre retire/retiree/retires/enleve/enlevee/supprime/supprimee, plus jamais, jamais plus
    ne plus/pas la/le/les/l'/me/lui/leur/nous, pas/plus interesse/interessee/interesses, prefere/preferent ne, me/nous/la/le retirer
    harcelement, harcele, harcelee, fache, fachee, colere, furieux, furieuse, enerve, enervee, insulte, insultes, menace, menaces, hostile
""")
_THREATS: Final = _phrases("""
    she'll/he'll/they'll/i'll sue, fcc, threatened/threatens/threatening suit/litigation/action, legal, legales, legaux, legale
    sue us/you/me/them/the/our/everyone/everybody, suing, sues, sued, will/would/could/might/gonna/may sue, going/threatened/threatens/threatening/wants/plans/ready to sue
    lawsuit, lawsuits, lawyer, lawyers, attorney, attorneys, a/her/his/their/my/the solicitor, litigation, litigate, litigious
    cease and desist, cease desist, ftc, cnil, demand letter, to/in court, small claims, class action, tcpa, press charges, pressing charges
    abogado, abogada, abogados, demandar, demandarnos, demandara, demandaria, demandarlos, demandarte, demandarles, demandaremos, demandare
    demanda judicial/legal/civil/colectiva, una demanda, juicio, tribunal, tribunales, denuncia, denunciar, denunciarnos, denunciara, judicial
    avocat, avocate, avocats, porter/porte/portera/depose/deposer/deposera plainte, poursuites, poursuite, poursuivre, en justice, proces, mise en demeure, juridique, juridiques
""")

"""
Words in which people ask the desk for something, by what they are in a request: English, Spanish and French.

Each line is a phrase as `handlers.grammar` compares it: small letters, no accents but where one tells two words apart.
"a/b" stands for either, "-" for nothing. The longest phrase that fits is taken, so "do not text" is a request though
"do not" says no.
"""

from collections.abc import Iterator
from enum import Enum, auto
from functools import cache
from itertools import product
from typing import Any, Final


class WordKind(Enum):
    """What a word, a phrase or a sign is in a request."""

    # Verbs, and the halves of those that stand around a number.
    OUT = auto()
    ADD = auto()  # out, unless it says to which list
    MAYBE = auto()  # off some list: which one, it does not say
    IN = auto()
    DELETE = auto()  # in, unless it says from which list
    SCRUB = auto()
    LOOK = auto()
    OPT = auto()
    TAKE = auto()
    PUT = auto()
    MARK = auto()
    GIVE = auto()
    PARTICLE = auto()
    # What stands around them.
    STATE = auto()
    OPTED_IN = auto()
    LABEL = auto()
    NOUN = auto()
    OUT_LIST = auto()
    TEXT_LIST = auto()
    OTHER_LIST = auto()
    FILE = auto()
    FILLING = auto()
    COURTESY = auto()
    ASKING = auto()
    WANT = auto()
    BECAUSE = auto()
    REASON = auto()
    JOINING = auto()
    UNWILLING = auto()
    # What makes a request none.
    NOT = auto()
    EXCEPT = auto()
    QUESTION = auto()
    CONDITION = auto()
    UNLESS = auto()
    LATER = auto()
    SAID = auto()
    CORRECTION = auto()
    # The rest.
    WORD = auto()
    DIGITS = auto()
    PHONE = auto()
    COMMA = auto()
    DASH = auto()
    COLON = auto()
    STOP = auto()
    LINE = auto()
    MARK_OF_QUESTION = auto()
    OPEN = auto()
    CLOSE = auto()
    QUOTE = auto()
    STRUCK = auto()


_SHE: Final = "she/he/they/who/contact/voter/person/customer/recipient/constituent/woman/man"

_PHRASES: Final[dict[WordKind, str]] = {
    WordKind.OUT: """
        opt out
        optout
        opts out
        otp out
        opt ot
        opt oput
        opt outt
        un subscribe
        unsubscribe
        unsub
        unsubcribe
        unsuscribe
        unsubscibe
        unsubscrib
        stop
        stop texting/messaging/txting/smsing/texts/messages/sms/txts
        stop sending/send -/any/all/the/our/these -/more texts/messages/sms/txts/it
        stop all texts/messages/sms/texting/messaging
        stop any texts/messages/sms
        stop sending
        quit/cease texting/messaging
        do/does not text/message/sms/txt
        don't/dont/doesn't text/message/sms/txt
        do not send -/any -/more texts/messages/sms
        don't/dont send -/any -/more texts/messages/sms
        never text/message/sms/txt
        not to text/message/sms/send
        no texting/texts/messages/sms/txts
        no more texting/texts/messages/sms/txts -/texts/messages
        no longer text/message
        no further texts/messages/sms/texting
        da/de/dé/dar/den/des/dad/dale/dele/denle/dales/darle/darles/dandole de baja
        dame/deme de baja
        desuscribir/desuscribe/desuscriba/desuscriban/desuscribele/desuscribirle
        desinscribir/desinscribe/desinscriba/desinscriban
        no -/le/les/nos enviar/envie/envien/envies/envia mas -/mensajes/textos/sms
        no -/le/les/nos mandar/mande/manden/mandes/manda mas -/mensajes/textos/sms
        no -/le/les enviar/envie/envien/envies/envia mensajes/textos/sms
        no -/le/les mandar/mande/manden/mandes/manda mensajes/textos/sms
        no -/le/les enviarle/enviarles/mandarle/mandarles -/mas mensajes/textos/sms
        no -/le/les escribir/escriba/escriban/escribas/escribirle/escribirles -/mas
        no -/le/les contactar/contacte/contacten/contactes -/mas
        no -/le/les textear/textee/texteen/textees -/mas
        no mas mensajes/textos/sms
        no volver/vuelvas/vuelva/vuelvan a enviar/enviarle/mandar/mandarle/escribir/escribirle/contactar/textear -/mas -/mensajes/textos/sms
        nunca mas enviar/enviarle/mandar/mandarle/escribir/escribirle/contactar -/mensajes/textos/sms
        detener/deten/detenga/detengan/parar/pare/paren los/- mensajes/textos/sms/envios
        no le/les llegue/lleguen mas mensajes/textos/sms
        ni un mensaje mas
        deja/deje/dejen/dejad/dejar de enviar/mandar/enviarle/enviarles/mandarle/mandarles -/los/mas mensajes/textos/sms
        deja/deje/dejen/dejad/dejar de escribir/escribirle/escribirles/contactar/contactarle/textear/textearle
        desabonner/desabonne/desabonnez/desabonnes/desabonnons
        desinscrire/desinscris/desinscrivez/desinscrivons
        ne plus/pas texter/contacter/ecrire
        ne plus/pas envoyer -/de/des/d' -/sms/messages/textos/texto/message
        ne plus lui/leur envoyer/ecrire -/de/d' -/sms/messages/textos
        ne texte/textez/textes/contacte/contactez/contactes plus/pas
        ne lui/leur envoie/envoyez/envoies/ecris/ecrivez plus/pas -/de/d' -/sms/messages/textos
        n' envoyer/envoie/envoyez/envoies/envoyons plus/pas -/de/d' -/sms/messages/textos
        n' ecris/ecrivez plus
        arrete/arretez/arreter/arretes/cesse/cessez/cesser d' envoyer -/les/des/de -/sms/messages/textos
        arrete/arretez/arreter/arretes/cesse/cessez/cesser d' ecrire
        arrete/arretez/arreter/arretes/cesse/cessez/cesser de texter/contacter/lui/leur -/envoyer/ecrire -/des/les -/sms/messages/textos
        arrete/arretez/arreter/cesse/cessez/cesser les sms/messages/textos/envois
        plus de/aucun/d' sms/messages/message/textos/texto
        stop aux/les sms/messages/textos
    """,
    WordKind.ADD: """
        add
        agregar/agrega/agregue/agreguen/anadir/anade/anada/anadan
        ajouter/ajoute/ajoutez
    """,
    WordKind.MAYBE: """
        remove/removing
        opting out
        not -/to be texted/contacted/messaged/bothered
        cancel
        block
        exclude
        suppress
        blacklist
        blocklist
        silence
        mute
        drop
        stop/quit/cease contacting/calling/bothering/harassing/spamming
        do not contact/call/bother/spam
        don't/dont contact/call/bother/spam
        never contact/call
        do not disturb
        leave alone
        pause/hold/snooze/suspend -/all/the/any texts/messages/texting/sms
        pause
        deactivate
        should/must/can not/never text/message
        should/must/can not/never be texting/texted
        shouldn't/mustn't/can't/cannot text/message
        shouldn't/mustn't/can't/cannot be texting/texted
        should/must/may not/never get/receive -/any -/more -/texts/messages
        shouldn't/mustn't get/receive -/any -/more -/texts/messages
        stop/quit getting/receiving
        no quiere/quieren -/recibir -/mas mensajes/textos/sms
        baja -/para
        quitar/quita/quite/quiten/quitale/quitenle
        eliminar/elimina/elimine/eliminen
        borrar/borra/borre/borren
        sacar/saca/saque/saquen
        retirar/retira/retire/retiren
        excluir/excluye/excluya/excluyan
        remover/remueve/remueva/remuevan
        bloquear/bloquea/bloquee/bloqueen
        cancelar/cancela/cancele/cancelen
        retirer/retirez
        enlever/enleve/enlevez
        supprimer/supprime/supprimez
        exclure/exclus/excluez
        bloquer/bloque/bloquez
        oter/otez
    """,
    WordKind.IN: """
        opt in
        opt back in
        optin
        opt into
        opts in
        opt in again
        un opt out
        unopt out
        undo/reverse/revoke/lift/rescind/revert/cancel/remove/delete/clear/void -/the/this/that/their/her/his/an opt out/outs
        undo/reverse/revoke/lift/rescind/revert/cancel/remove/delete/clear/void -/the/this/that/their/her/his/an optout/unsubscribe
        anular/anula/anule/cancelar/cancela/cancele/revertir/revierte/quitar/quita/eliminar/elimina/deshacer la baja
        annuler/annule/annulez/supprimer/supprimez la/le/l' desinscription/desabonnement/opposition
        start/begin/resume/restart texting/messaging/texts/messages
        start/resume sending -/texts/messages/sms
        restart
        resubscribe
        re subscribe
        subscribe
        unstop
        unblock
        reinstate
        reactivate
        re activate
        re add
        re enable
        enable
        allow -/texts/texting/messages/sms -/again
        add/put/bring/let/sign/get back -/in/on
        da/de/dé/dar/den/dad/dale/dele/denle/darle/darles de alta
        reactivar/reactiva/reactive/reactiven
        reanudar/reanuda/reanude/reanuden
        resuscribir/resuscribe/resuscriba/reinscribir/reinscribe
        suscribir/suscribe/suscriba/inscribir/inscribe/inscriba
        volver/vuelve/vuelva/vuelvan a dar de alta
        volver/vuelve/vuelva/vuelvan a dar/darle
        volver/vuelve/vuelva/vuelvan a enviar/mandar/enviarle/mandarle -/mensajes/textos/sms
        volver/vuelve/vuelva/vuelvan a escribir/escribirle/incluir/suscribir/inscribir/agregar/poner/anadir/textear/contactar
        reabonner/reabonne/reabonnez
        reinscrire/reinscris/reinscrivez
        reactiver/reactivez
        abonner/abonnez
        recommencer/recommence/recommencez a/d' envoyer/texter/ecrire -/les/des/de/a -/sms/messages/textos
        recommencer/recommence/recommencez a lui/leur envoyer/ecrire
        reprendre/reprends/reprenez les envois/messages/sms/textos
        remettre/remets/remettez
        rajouter/rajoute/rajoutez
    """,
    WordKind.DELETE: """
        delete
    """,
    WordKind.SCRUB: """
        scrub
        scrubbing
        clean -/up
        cleanse
        filter -/out
        wash
        suppress against
        depurar/depura/depure/limpiar/limpia/limpie/filtrar/filtra/filtre
        nettoyer/nettoie/nettoyez/filtrer/filtrez/epurer/epurez/purger/purgez
    """,
    WordKind.LOOK: """
        look up
        lookup
        look it/this/these/them/those up
        look at/for/into
        check -/up/on/if/whether
        search -/for
        find
        verify
        confirm
        how many
        status of
        what is the status
        compare/comparing/reconcile
        match -/against
        buscar/busca/busque/revisar/revisa/revise/verificar/verifica/verifique/consultar/consulta/consulte
        comprobar/comprueba/compruebe/cuantos/cuantas
        comparar/compara/cotejar/coteja/coteje
        verifier/verifie/verifiez/chercher/cherche/cherchez/combien
        comparer/comparez/rapprocher/rapprochez
    """,
    WordKind.OPT: """
        opt
    """,
    WordKind.TAKE: """
        take
        get
        pull
    """,
    WordKind.PUT: """
        put
        let
        place
        include
        poner/pon/ponga/pongan/ponle/meter/mete/meta/incluir/incluye/incluya
        mettre/mets/mettez/inclure/incluez
    """,
    WordKind.MARK: """
        mark
        flag
        set
        record
        tag
        register
        marcar/marca/marque/marquen/registrar/registra/registre
        marquer/marquez/noter/notez
    """,
    WordKind.GIVE: """
        da/dé/dar/den/des/dad/dale/dele/denle/darle
    """,
    WordKind.PARTICLE: """
        out
        in
        back in
        off
        on
        back on
        back
        de baja
        de alta
    """,
    WordKind.STATE: """
        opted out
        unsubscribed
        removed
        taken off
        blocked
        dado/dada/dados/dadas de baja
        desuscrito/desuscrita/desuscritos
        desabonnee/desabonnes/desabonnees
        desinscrit/desinscrite/desinscrits/desinscrites
        retire/retiree
    """,
    WordKind.OPTED_IN: """
        opted in
        opted back in
        resubscribed
        dado/dada/dados/dadas de alta
        reinscrit/reinscrite/reinscrits/reinscrites
    """,
    WordKind.LABEL: """
        opt out status/form/forms/date/dates/history/reason/reasons/link/desk/rate/rates/column/file/files/message/messages
        opt out confirmation/rule/rules/law/laws/policy/keyword/keywords/note/notes/count/number/script/team
        opt in status/form/forms/date/history/reason/link/rate/column/file/message/request/requests
        stop sign/signs/by/over/it/here/there/that/this/worrying/asking/saying/word/keyword
    """,
    WordKind.NOUN: """
        opt outs
        optouts
        stops
        stop/opt out -/replies requests/request
        stop replies
        unsubscribes
        do not texts
        bajas
        desinscriptions
        desabonnements
    """,
    WordKind.OUT_LIST: """
        -/the/our/your/this opt out/outs list/lists
        -/the/our optout list
        -/the/our do not text/contact/message list/lists
        -/the/our don't/dont text list
        -/the/our no text list
        -/the/our stop list
        -/the/our suppression/exclusion/unsubscribe/unsubscribed list/lists
        -/the/our opted out list
        -/the/our blacklist
        dnt -/list
        -/la lista de baja/bajas/exclusion/excluidos/supresion
        -/la lista de no enviar/contactar/mensajes/molestar
        -/la liste d' exclusion/opposition
        -/la liste de desabonnement/desinscription
        -/la liste des desinscrits/desabonnes
        -/la liste stop/noire/rouge
    """,
    WordKind.TEXT_LIST: """
        -/the/our/your/any/all texting/text/texts/sms/messaging/txt list/lists
        the/our/your/any/all/future -/our texts/messages/texting/sms
        from/off texts/messages/texting/sms
        the/our/your/any/all/future -/our text messages
        -/the/our/your/any/all campaign/campaigns
        -/the/our text campaign/program/programme
        -/la lista de mensajes/envio/envios/textos/sms/difusion/contactos
        los/nuestros mensajes/envios/textos
        -/la liste d' envoi/envois
        -/la liste de diffusion/contacts/sms
        les/nos/vos envois/messages/textos/sms
    """,
    WordKind.OTHER_LIST: """
        from/of/off/to -/our/the/all/any/your call/calls/calling/emails/email/mail/mailing/mailings/canvassing -/list/lists
        from/of/off/to -/our/the/all/any/your phone/e calls/mail/mails -/list/lists
        from/off the/our/your do not call list
        de/las/los llamadas/correos
        des appels/courriels
    """,
    WordKind.FILE: """
        list
        lists
        file
        files
        csv
        sheet
        spreadsheet
        workbook
        attached
        attachment
        attachments
        everyone/everybody/anyone/all -/of/in/on/from the/this/these/here/attached
        everyone/everybody -/here/listed
        rows
        lista
        archivo
        fichero
        hoja
        adjunto/adjunta/adjuntos
        todos -/los/de
        todas
        liste
        fichier
        feuille
        joint/jointe
        tous
        toutes
        ci joint/jointe
        below
        them all
        here is/are
        here's
        these/attached are
        this is
        all
        everything
        whole
        entire
    """,
    WordKind.FILLING: """
        a
        also
        and
        cell
        cellphone
        mobile
        now
        right now/away
        just
        number
        numbers
        phone
        phones
        tel
        telephone
        texts
        text messages
        sms
        messages
        the
        these
        this
        those
        too
        to
        for
        from
        of
        at
        her
        him
        them
        this/that/these/those person/contact/voter/number/people/numbers/contacts/lady/guy/gentleman/woman/man
        following
        the following -/number/numbers/people
        as well
        anymore
        any more
        any longer
        again
        ever again
        our
        your
        de nuevo
        a nouveau
        otra vez
        encore
        immediately
        asap
        as soon as possible
        urgently
        all of/these/those
        both -/of
        both
        here
        next
        el
        la
        los
        las
        al
        de
        del
        numero
        numeros
        telefono
        telefonos
        celular
        movil
        este
        esta
        estos
        estas
        ese
        esa
        y
        tambien
        ya
        nuestra
        nuestro
        ahora
        ahora mismo
        a este/esta/estos/estas/la/el persona/numero/numeros/personas/contacto
        esta persona
        siguiente/siguientes
        le
        les
        mas
        mensajes
        textos
        a
        l'
        d'
        au
        aux
        des
        du
        ce
        cet
        cette
        ces
        et
        portable
        -/ces/cette/la/les personne/personnes/contacts/gens
        people
        contacts
        voters
        personas
        aussi
        maintenant
        tout de suite
        pour
        para
        suivant/suivants
        as
        como
        comme
        sur
        vers
        dans
        en
    """,
    WordKind.COURTESY: """
        please
        pls
        plz
        pleas
        kindly
        thanks
        thank you -/so/very -/much
        thx
        ty
        tia
        cheers
        many thanks
        thanks -/so/very much/everyone/all/team/again
        thanks a lot/bunch/million/ton
        thanks in advance
        thank you in advance
        much appreciated
        i appreciate it
        appreciate it
        appreciated
        best
        best/kind/warm regards
        regards
        hello -/there/team/all/everyone/folks/desk/again
        hey -/there/team/all/everyone/folks/desk/again
        hi -/there/team/all/everyone/folks/desk/again
        hiya
        bot
        hey/hi/hello bot
        urgent
        important
        dear team/all/desk/colleagues
        good morning/afternoon/evening/day -/team/all/everyone/folks
        morning
        happy monday/friday
        hope you/everyone are/is -/doing well/fine/good
        i hope you are -/doing well
        how are you -/doing/today
        ok
        okay
        ok then
        alright
        so
        well then
        yes
        yep
        sure
        when you get a/the chance/minute/moment/second
        when you have a/the chance/minute/moment/second/time
        when you can
        if you can
        if you could
        if possible
        if you don't mind
        if you please
        no rush/problem/worries/hurry
        sorry
        sorry to bother -/you
        excuse me
        quick one
        quick request
        have a nice/good/great/lovely day/one/evening/weekend/week
        you
        cheerio
        hola -/a -/todos/equipo
        buenos dias
        buen dia
        buenas -/tardes/noches
        por favor
        porfa
        porfavor
        favor de
        favor
        atencion
        urgente
        gracias -/de -/antemano
        gracias a/por todos/todo
        muchas/mil gracias
        muy amable
        saludos
        de nada
        oye
        perdon
        disculpa
        disculpe
        bonjour -/a -/tous
        bonjour l' equipe
        bonsoir
        salut
        coucou
        s' il vous/te plait
        svp
        stp
        merci -/beaucoup
        merci d' avance
        merci par avance
        merci de -/bien -/vouloir
        merci bien
        veuillez
        priere de/d'
        cordialement
        bien a vous
        bonne journee/soiree
        bonne fin de journee
        d' accord
        pardon
    """,
    WordKind.ASKING: """
        can/could/would/will you -/please/kindly/just
        can/could/would/will someone/somebody/anyone/anybody -/please
        can/could we -/please
        can/could i get you to
        would/do you mind
        are you able to
        would you be able to
        would it be possible to
        is it possible to
        is there a/any way to
        any chance you could/can
        i/we want/need/have/wish/ought -/you to
        i/we would like -/you to
        i'd/we'd like -/you to
        i/we wanted to
        i/we just want/need/wanted to
        i am/i'm asking you to
        let's
        lets
        let us
        go ahead and
        make/be sure to/you
        make sure -/that/we/you
        remember to
        don't/dont forget to
        do not forget to
        need to
        want to
        wanna
        time to
        puedes/puede/pueden/podrias/podria/podrian -/por -/favor
        me/nos puedes/puede/podrias/podria
        quiero/quisiera/queremos/quisieramos/necesito/necesitamos -/que
        me/nos gustaria -/que
        hay que
        no olvides/olvide/olviden
        pouvez vous
        peux tu
        pourriez vous
        pourrais tu
        tu peux/pourrais
        vous pouvez/pourriez
        je veux/voudrais/souhaite/souhaiterais/dois -/que
        nous voulons/voudrions/souhaitons/devons -/que
        on peut/doit/pourrait/veut
        j' aimerais -/que
        il faut -/que
        n' oublie/oubliez pas de/d'
    """,
    WordKind.WANT: """
        want/wants/wanted
        need/needs/needed
        would like
        wish/wishes/wished
        asked -/us -/to
        asks -/us -/to
        asking -/us -/to
        requested
        requests
        demands
        demanded
        prefers
        should be
        must be
        be
        ensure
        requesting
        have
        to be
        please get/have/be
        quiere/quieren/pide/piden/pidio/pidieron/solicita/solicito/desea
        veut/veulent/demande/demandent/souhaite/voudrait
    """,
    WordKind.BECAUSE: """
        because -/of
        becuase
        becasue
        cuz
        coz
        bc
        reason
        the reason is
        reason is
        reason being
        on account of
        due to
        porque
        motivo
        razon
        el motivo es
        debido a/al
        por motivo de
        a causa de
        ya que
        parce que/qu'
        raison
        motif
        la raison est
        a cause de/du/d'
        en raison de/du/d'
        puisque
        puisqu'
    """,
    WordKind.REASON: """
        asked
        has asked
        asking
        ask
        asks
        requested
        requests
        request
        at her/his/their/the request
        complained
        complaining
        complains
        complaint
        complaints
        complain
        angry
        upset
        annoyed
        furious
        rude
        cursed
        swore
        harassed
        harassment
        deceased
        died
        dead
        passed away
        moved
        moved away
        wrong number
        wrong person
        wrong contact
        minor
        underage
        unsubscribed
        refused
        refuses
        replied
        replies
        emailed
        email
        e mail
        emails
        mail
        mailed
        called
        calls
        called in
        in person
        by phone
        by text
        letter
        web form
        form
        twice
        three times
        many times
        repeatedly
        at the door
        canvass
        canvasser
        canvassing
        consent
        privacy
        gdpr
        tcpa
        legal
        lawyer
        attorney
        threatened
        opted out
        opted out at
        spam
        landline
        hung up
        reassigned
        hostile
        block
        blocked us
        fed up
        tired
        wants out
        wants off
        want out
        want off
        wants
        wanted
        wants no
        no longer
        pidio
        pidieron
        pide
        lo pidio
        solicito
        solicita
        solicitud
        peticion
        enojado
        enojada
        enojados
        molesto
        molesta
        queja
        quejo
        quejado
        fallecio
        fallecido
        fallecida
        murio
        mudo
        se mudo
        numero equivocado
        correo
        llamo
        llamada
        dos veces
        varias veces
        carta
        lo pide
        demande
        demandee
        a demande
        l' a demande
        fache
        fachee
        colere
        en colere
        plainte
        plaint
        plainte
        decede
        decedee
        mort
        morte
        demenage
        mauvais numero
        faux numero
        courriel
        par mail
        appele
        lettre
        deux fois
        plusieurs fois
        a sa demande
        insatisfait
    """,
    WordKind.JOINING: """
        join/joining/joined
        stay/staying/stayed
        keep/kept
        continue
        receive/receiving
        get/getting -/more/our/your texts/messages
        more texts/messages
        hear/hearing from us/you
        sign/signs/signed up
        subscribed
        volunteer/volunteers
        be/been added
        to get
        like/likes/love/loves
        unirse/recibir/apuntarse/quedarse/seguir
        recevoir/rejoindre/rester
    """,
    WordKind.UNWILLING: f"""
        {_SHE} does not want/like/wish
        {_SHE} doesn't/doesnt want/like/wish
        {_SHE} do not want/like/wish
        {_SHE} don't/dont want/like/wish
        {_SHE} did not want/sign/agree/consent/ask
        {_SHE} didn't/didnt want/sign/agree/consent/ask
        {_SHE} never signed/agreed/consented/asked
        {_SHE} is/was/are/were not interested/happy/pleased
        {_SHE} isn't/wasn't/aren't interested/happy/pleased
        does not want/like/wish/sign/agree/consent/ask
        doesn't/doesnt want/like/wish/sign/agree/consent/ask
        did not want/sign/agree/consent/ask/subscribe
        didn't/didnt want/sign/agree/consent/ask/subscribe
        never signed/subscribed/agreed/consented/asked -/up
        said/says/replied/answered no
        dijo que no
        a dit non
        not interested
        not happy
        not a supporter/voter/fan/citizen/resident
        no longer interested/wants/lives/a/here
        no interest
        no consent
        without consent
        without her/his/their consent
        did not consent
        didn't consent
        never consented
        never signed up
        does not live/exist
        no quiere/quieren/desea/desean
        ya no quiere/quieren/desea/desean/vive
        no le interesa
        no esta interesado/interesada
        no le interesan
        ne veut plus/pas
        ne veulent plus/pas
        n' en veut/veulent plus/pas
        ne souhaite plus/pas
        ne desire plus/pas
        n' est plus/pas interesse/interessee
        pas interesse/interessee
        n' habite plus
    """,
    WordKind.NOT: """
        not
        no
        nope
        do not
        does not
        did not
        don't
        dont
        doesn't
        doesnt
        didn't
        didnt
        won't
        wont
        can't
        cant
        cannot
        shouldn't
        shouldnt
        wouldn't
        couldn't
        isn't
        aren't
        wasn't
        weren't
        haven't
        hasn't
        hadn't
        mustn't
        needn't
        ain't
        never
        neither
        nor
        without
        instead of
        rather than
        avoid
        refuse to
        stop opting
        stop/quit adding
        opposite of
        nobody
        no one
        undo
        denied/rejected/declined
        nadie
        personne ne
        keep/continue/resume texting/messaging/sending/contacting
        keep/continue on/in
        seguir/sigue/siga/sigan enviando/mandando/escribiendo
        continuer/continuez/continue a/d' envoyer/texter/ecrire
        nunca
        jamas
        ni
        sin
        tampoco
        evita
        evite
        evitar
        ne
        n'
        pas
        jamais
        inutile
        sans
        aucun
        aucune
        non
        eviter
        evitez
    """,
    WordKind.EXCEPT: """
        except -/for
        excepting
        excluding
        but not
        everyone/everybody/all/anyone/anybody but/except/besides
        all others/other
        everyone else
        other than
        besides
        apart from
        save for
        excepto
        menos
        salvo
        sauf
        hormis
        excepte
    """,
    WordKind.QUESTION: """
        is
        are
        was
        were
        did
        does
        do we/i/they/you
        have you/we/they/i/people
        has
        have
        had
        why
        who
        whose
        which
        what
        where
        how
        can i
        may i
        may we
        should i/we/you/they
        shall i/we
        must i/we
        do i/we/you have to
        do i/we need to
        am i
        whether
        how do/can/should i/we/you
        what happens
        está
        estan
        están
        esta dado/dada
        fue
        fueron
        ha/han/hemos/has sido
        quien
        quién
        quienes
        cual
        cuál
        cuales
        que
        qué
        cómo
        por que/qué
        donde
        debo
        debemos
        deberia/deberiamos
        puedo
        podemos
        est
        est ce que/qu'
        a t
        pourquoi
        qui
        quel
        quelle
        quels
        quelles
        lequel
        lesquels
        lesquelles
        comment
        dois je
        devons nous
        faut il
        peut on
        puis je
        avez vous
        as tu
        a ete
        ont ete
    """,
    WordKind.CONDITION: """
        if
        first
        but
        pero
        mais
        sino
        when
        whenever
        once
        while
        in case
        provided
        assuming
        whether or not
        depending
        before
        after
        otherwise
        or else
        si
        cuando
        en caso de
        mientras
        antes
        primero
        quand
        lorsque
        lorsqu'
        des que
        au cas ou
        avant
        apres
        d' abord
        s'
    """,
    WordKind.UNLESS: """
        only if
        but only
        but wait
        unless
        until
        till
        hasta
        hasta que
        a menos que
        solo si
        jusqu' -/a
        a moins que
        seulement si
    """,
    WordKind.LATER: """""
        will
        'll
        shall
        won't be
        going to
        gonna
        about to
        plan/planning/plans to
        tomorrow
        tmrw/tmr/tomorow/tommorow/tommorrow
        tonight
        maybe
        perhaps
        possibly
        pending
        awaiting
        temporarily
        starting/effective/beginning
        later
        soon
        eventually
        some day
        someday
        yet
        next week/month/year/time/monday/tuesday/wednesday/thursday/friday/saturday/sunday
        this monday/tuesday/wednesday/thursday/friday/saturday/sunday
        on monday/tuesday/wednesday/thursday/friday/saturday/sunday
        by monday/tuesday/wednesday/thursday/friday/saturday/sunday
        this afternoon/evening/weekend
        in a/an/one/two/three/few minute/minutes/hour/hours/day/days/week/weeks
        at midnight/noon
        would
        could
        might
        may
        should
        ought
        can
        used to
        manana
        luego
        despues
        pronto
        esta noche/tarde
        la proxima semana
        el proximo
        el lunes/martes/miercoles/jueves/viernes/sabado/domingo
        voy/va/vamos/van/vas a
        deberia
        deberiamos
        debemos
        podria
        demain
        ce soir
        plus tard
        bientot
        vais
        allons
        vont
        devrait
        devrions
        devrais
        faudrait
        la semaine prochaine
        lundi
        mardi
        mercredi
        jeudi
        vendredi
        samedi
        dimanche
    """,
    WordKind.SAID: """
        type/typed
        write
        said
        says
        saying
        say
        told -/me/us/you/them
        tells
        tell
        wrote
        writes
        texted
        reads
        quote
        quoted
        unquote
        according to
        claims
        claimed
        thinks
        think
        heard
        suggested
        mentioned
        shouted
        answered
        read
        dijo
        dice
        dicen
        dijeron
        decia
        escribio
        escribe
        segun
        conto
        dit
        disait
        ecrit
        repondu
        selon
        d' apres
    """,
    WordKind.CORRECTION: """
        correction
        i mean/meant
        such as
        i e
        template
        sample
        never mind
        nevermind
        nvm
        scratch that
        just kidding
        jk
        kidding
        joke
        joking
        cancel that
        undo that
        on second thought
        ignore
        ignore this/that/my
        disregard
        forget it/that/this/about
        hold off
        hold on
        hang on
        wait
        not yet
        my mistake
        my bad
        oops
        whoops
        testing
        just a test
        this is a test
        test
        for example
        example
        e g
        something like
        like this
        for instance
        suppose
        pretend
        imagine
        hypothetically
        actually no
        don't do it/this/that
        do not do it/this/that
        ejemplo
        por ejemplo
        prueba
        olvidalo
        olvida
        olvide
        espera
        espere
        es broma
        broma
        mejor no
        exemple
        par exemple
        oublie
        oubliez
        laisse tomber
        laissez tomber
        attends
        attendez
        annule ca
        je plaisante
    """,
}


@cache
def lexicon() -> dict[Any, Any]:
    """
    The phrases as a tree by their words; under None stands the `WordKind` of the phrase that ends there.

    Where a phrase stands under two kinds, the first of them holds.
    """
    tree: dict[Any, Any] = {}
    for kind, block in _PHRASES.items():
        for words in _expanded(block):
            place = tree
            for word in words:
                place = place.setdefault(word, {})
            place.setdefault(None, kind)
    return tree


def _expanded(block: str) -> Iterator[list[str]]:
    for line in filter(None, map(str.strip, block.splitlines())):
        for words in product(*(word.split("/") for word in line.split())):
            chosen = [word for word in words if word != "-"]
            if chosen:
                yield chosen

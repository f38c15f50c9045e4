"""
Replies to campaigns' texts, by kind, with what their senders want: English, Spanish and French, all made up.

One a line; `BREAK` of `tests.store.replies.wants` stands for a line break.
"""

from typing import Final

from tests.store.replies.wants import Want

REPLIES: Final[dict[tuple[str, str, Want], str]] = {
    ("en", "a word of the law's", Want.LAWS_WORD): """
        STOP
        stop
        Stop.
        stop!!!
        STOP!!!!!!!!
        quit
        Quit.
        END
        end
        revoke
        Revoke.
        opt out
        OPT OUT
        Opt-out
        optout
        cancel
        CANCEL
        Cancel.
        unsubscribe
        UNSUBSCRIBE
        Unsubscribe!
        "STOP"
        “Stop”
        'stop'
        *STOP*
        _stop_
        (stop)
        > stop <
        STOP STOP STOP
        stop, stop, stop
        S T O P
        S.T.O.P.
        ＳＴＯＰ
        𝗦𝗧𝗢𝗣
        🅢🅣🅞🅟
        stóp
        STOP 🛑
        🛑 STOP 🛑
        stop ✋
        Stop 😡
        STOP.⏎
        ⏎⏎STOP
        stop please
        Please stop
        pls stop
        plz stop!
        Stop, thanks
        Thank you, stop.
        Hello. Please stop. Thank you.
        cancel please
        please unsubscribe
        Unsubscribe thank you
        quit please
        end, thank you
        opt out please and thank you
        Sorry, stop
        Stop. Have a nice day!
        Stop. God bless you.
        Hi, unsubscribe please. Thanks so much!
        STOP immediately
        STOP⏎⏎Sent from my iPhone
        Stop⏎Sent from my Samsung Galaxy smartphone.
        Unsubscribe⏎Get Outlook for iOS
        STOP Sent from my iPad
        STOP⏎-- ⏎Dana Whitfield⏎Realtor, 555-0100
        STOP⏎⏎On Mon, Oct 12, 2026 at 9:14 AM Sam wrote:⏎> Hi, it's Sam with the campaign. Can we count on you?⏎> Reply STOP to opt out
        stop⏎> Hi Dana, will you vote?
        Stop⏎-----Original Message-----⏎From: 55501⏎Vote on Tuesday
        STOP⏎__________⏎This message was sent to you by a wireless phone.
    """,
    ("en", "a word, and how people type it", Want.NO_MORE): """
        stpo
        opt - out
        sotp
        STP
        stopp
        Stoppppp
        STOOOOOP
        st0p
        tsop
        stop all
        STOPALL
        Stop now
        stop right now
        Stop it
        stop this
        Stop?
        Unsub
        Unsubcribe
        unsuscribe
        Unsubscibe please
        unsubscribed
        Remove
        remove please
        Delete
        Block
        out
        enough
        Enough!
        No more
        no more please
        Stop 2 end
        STOP to end
        stop2quit
        Stop to opt out
        STOP=END
        stop ok
        Stop damn it
        yes stop
        No, stop
        stop u
        🛑
        🚫🚫
        stop😂
        end this
        cancel this
        Opting out
        I opt out
        opted out
        out please
        spam
    """,
    ("en", "a request in a sentence of its own", Want.NO_MORE): """
        stop texting me
        Stop texting me.
        STOP TEXTING ME
        please stop texting me
        Please stop texting me, thank you
        stop messaging me
        stop contacting me
        Stop sending me texts
        stop sending texts
        Please stop sending me messages.
        stop the texts
        stop these text messages
        quit texting me
        Quit texting this number
        please take me off your list
        Take me off your list!
        take me off this list
        take me off
        Take my number off your list
        remove me
        Remove me.
        please remove me
        remove me from your list
        Please remove my number from your list. Thank you.
        remove my number
        remove this number
        Kindly remove my name from your mailing list
        Remove me from all lists
        delete my number
        get me off this list
        opt me out
        please opt me out
        I want to opt out
        I would like to opt out
        I'd like to unsubscribe
        i want to be removed
        I would like to be removed from your list
        unsubscribe me
        Unsubscribe me please
        unsubscribe from all
        no more texts
        No more texts please
        no more messages
        no further texts
        don't text me
        Don't text me again
        do not text me
        Do not text me again!
        do not contact me
        Please do not contact me again
        never text me again
        don't text
        do not send me texts
        Don't send me any more messages
        I don't want these texts
        I don't want any more texts
        I do not wish to receive these messages
        I no longer wish to receive texts from you
        lose my number
        cancel texts
        rmeove me
        plz remvoe me from ur list
        stop txting me
        dont txt me agian
        STOP TEXTING ME. DO NOT TEXT ME AGAIN.
    """,
    ("en", "a request among other words", Want.NO_MORE): """
        I already voted. Stop
        stop I already voted for the other guy
        I voted already so you can stop texting me now
        I'm a Republican. Remove me from this list.
        Stop. I don't live in Ohio anymore.
        Not voting for him. Take me off your list.
        I told you yesterday to stop
        I've asked you three times to stop
        I already said STOP twice
        I texted STOP last week and you are still texting me
        how do I stop these texts?
        How do I unsubscribe from this?
        how do i get off this list
        How can I opt out?
        Can I be removed from this list?
        Can you please stop texting me?
        Could you take me off your list?
        would you please quit texting
        Will you people please leave me alone
        leave me alone
        Leave us alone!
        Stop blowing up my phone
        stop spamming my phone with this garbage
        stop with the texts
        enough with the texts already
        I am so tired of these texts
        sick of getting your messages
        Why do you keep texting me? I never signed up for this
        why are you still texting me
        I never signed up for this
        I did not consent to these messages
        I never gave you permission to text me
        This is spam
        reported as spam
        I'm blocking you
        Blocked and reported
        You're blocked
        This is harassment
        I don't want to hear from you
        I don't want to hear from your campaign anymore
        don't contact me anymore you creeps
        do not ever text or call me again
        never message this phone again
        I do not want your spam
        Not interested, take me off
        please discontinue sending to this number
        Please make it stop
        make these texts stop
        Please refrain from texting this number
        I'd rather not get these
        I'd prefer not to be contacted
        I would appreciate not receiving any more of these
        You need to stop contacting people who didn't ask for it
        please cease all communication
        Cease and desist
        I revoke my consent
        I revoke my consent to be contacted at this number
        This number is on the do not call list
        I will report you to the FCC if you text again
        My attorney will be in touch if you text me again
        I'll sue you under the TCPA
        fuck off
        fuck off and lose my number
        F off
        go away
        Get lost
        Go to hell and take me off your list
        STOP you idiots
        stop asshole
        for the love of god stop
        omg stop
        just stop already
        pls just stop
        JUST STOP
        I said no. Stop.
        Wrong party lol. Unsubscribe
        I'm not giving you money, stop asking
        Quit bugging me
        stop bothering my family
        We asked to be removed months ago
        I want off this list
        Want out
        get my number out of your system
        erase my info from your database
        please delete my contact information
        strike me from your list
        scratch my name off
        drop me from your list
        I thought I unsubscribed
        I already opted out of these
        opt out opt out opt out I mean it
        No texts
        no texting please
        no political texts
        No more political texts
        I don't respond to texts, remove me
        Please don't message me again. I'm voting for your opponent
        unsubscribe me from everything
        Unsubscribe - moved to Texas
        cancel my subscription
        cancel all messages to this number
        Hey Sam, would you mind taking me off the list? thanks
        Sam, please remove my phone from your list
        not interested in receiving these
        I don't appreciate these texts
        Too many texts, stop
        Dear campaign, I kindly request that you no longer send messages to my phone.
        Do me a favor and forget my number
        knock it off with these messages
        can you not
        I don't need these
        STOP and I mean it this time
        Stop, this is my last warning
        stop. stop. I'm begging you
        I am opting out of all communications
        y'all need to quit texting me
        stop hitting me up
        don't hit me up again
        nobody asked for this, unsubscribe
        I replied stop 4 times!!!
        STOP STOP STOP what part of stop don't you understand
        Your texts are harassment
        No more of these
        please no more messages about the election I've had enough
    """,
    ("en", "less, or somebody else", Want.NARROWER): """
This isn't Maria
Who gave you my number
How did you get my number?
text me less
I am under 18
I no longer live there
        wrong number
        Wrong number!
        Sorry, wrong number
        you have the wrong number
        You have the wrong person
        wrong person sorry
        I think you have the wrong number, my name is Pat
        This isn't Maria's number anymore
        This is no longer her number
        Maria doesn't live here
        Nobody by that name here
        There is no Kevin at this number
        I don't know a Kevin, I just got this number
        you are looking for someone else
        I got a new number, this was my ex's
        This phone belongs to my son, he's 12
        I'm only 15
        he is 14 years old
        this is a work phone
        This is a business line
        This is a landline
        He died last year
        My husband died
        my mother passed away in June
        She is deceased
        John is no longer with us
        My dad passed last month
        please don't text before 9 am
        don't text me at work
        Stop texting me at night
        Not this month
        not this week, thanks
        Stop until after the election
        Please don't contact me until November
        only text me about donations
        Only about local elections please
        just text me about events
        Stop asking for money
        stop asking me for donations
        no more donation texts
        No donation requests please
        please stop the fundraising texts
        don't ask me for money
        Unsubscribe me from emails
        stop emailing me
        Stop calling me
        quit calling my mother
        stop texting my wife
        Please take my wife off your list
        Remove my husband's number
        too many texts
        Way too many messages guys
        Fewer texts please
        once a week is enough
        text less often
        can you email me instead
        call me instead of texting
        I'd rather get an email
        I prefer email
        It's too early for this
        you woke me up
        I only want texts about the school board
        please text my daughter instead
        in Spanish please
    """,
    ("en", "anybody's guess", Want.ANYBODYS_GUESS): """
        fuck you
        Screw you and your candidate
        not interested
        Not interested thanks
        shut up
        kiss my ass
        I don't want this
        no no no
        How did you get my number?
        where did you get this number
        do I know you
        I'm not Maria
        this is not Jennifer
        don't
        no thanks I'm good
        I hate these
        cancel my subscription to the Post
        I can't vote, I'm 17
        I moved to another state
        👎👎👎
        🖕
        Why me
        Please don't
        I don't text
        just no
        Bitch please
        End of discussion
        Already quit
        people quit
        stop idiots
    """,
    ("en", "yes, no and other short answers", Want.NOTHING): """
        yes
        Yes
        YES!!
        yes please
        Yes, thank you
        y
        Y
        yep
        Yeah
        sure
        Absolutely
        of course
        No
        no
        n
        nope
        No thanks
        no thank you
        No, sorry
        Not yet
        maybe
        not sure
        Undecided
        ok
        Okay thanks
        Thanks
        thank you!
        k
        👍
        ❤️
        😂
        🇺🇸🇺🇸
        1
        2
        A
        B.
        3
        ?
        ...
        hi
        Hello
        Good morning
        who is this
        who's this?
        Who is this please
        what
        Later
        busy
        done
        Done!
        I'm in
        count me in
        Count me out
        sounds good
        will do
        got it
        on my way
        Please and thank you
        lol
        haha nice
        no way
        hell yes
        Amen
    """,
    ("en", "an answer about voting", Want.NOTHING): """
        I already voted
        Already voted early
        I voted by mail last week
        Voted!
        My ballot is in
        I will vote on Tuesday
        I'm voting for her
        Not voting for him
        I would never vote for that man
        I'm a lifelong Democrat
        I am a Republican
        I can't vote, I'm not a citizen
        I'm not registered
        I don't vote
        Where do I vote?
        what time do the polls close
        When is the deadline to register
        how do I request a mail ballot?
        Can I still register online
        I never got my ballot
        I moved, do I have to register again?
        I need a ride to the polls
        Is the library my polling place
        Both of us voted straight ticket
        I'll drop off my ballot tomorrow
        I'll vote when I get off work
        I'm at work, will vote after
        I don't like either candidate
        I haven't decided
        I don't discuss politics
        Leaning yes on prop 2
        what's on the ballot
        I support the measure
        My wife and I are both voting for you
        thank you for reminding me
        I vote in person, never by mail
        Already mailed it in, thanks for checking
        it's too late to register I think
        My vote is private
        None of your business
    """,
    ("en", "words of requests that ask for none", Want.NOTHING): """
This is not a drill
where did you get that information about taxes
I don't live there but I support you
text me again tomorrow about the rally
Who gave the speech
        stop the bill, count me in
        Stop the bill! Count me in!
        Stop the steal
        STOP TRUMP
        stop Project 2025
        We have to stop him
        We must stop this madness in November
        let's stop fascism
        help us stop the pipeline
        I want to help stop them
        don't stop
        Don't stop!
        Never stop fighting
        don't stop now, keep going
        can't stop won't stop
        nothing can stop us
        They won't stop until we vote them out
        non-stop
        I'll stop by the office
        I'll stop by on Saturday
        can I stop in tomorrow
        I stopped by the rally
        Where is the bus stop
        the stop sign on Main St is down
        my bus doesn't stop there
        Stop gun violence
        stop raising our taxes
        stop sending weapons overseas
        Stop killing children
        pit stop first then I'll be there
        end of story
        End the war
        end abortion bans
        end the filibuster!
        at the end of the day it's the economy
        This has to end
        weekend works for me
        I'm at the end of the line
        quit my job to volunteer
        I quit smoking
        he should quit
        Never quit
        don't quit
        cancel student debt
        Cancel culture is out of control
        They cancelled the rally?
        Did you cancel the event on Friday
        is the debate cancelled
        I had to cancel my trip so I can volunteer
        Remove the mayor
        remove him from office
        vote to remove the judge
        They removed my polling place
        take it off the ballot
        Kick them out
        vote them all out
        Get out the vote
        I'm getting off work at 5
        day off
        I took the day off to vote
        leave it to the voters
        I leave for work at 6
        No more wars
        no more taxes
        No more Bush presidents
        enough is enough, I'm voting blue
        I've had enough of this president
        I'm sick of the potholes
        tired of politicians
        revoke his security clearance
        Revoke their license
        put me on the list
        sign me up
        add me to the list
        is there a list of events
        Am I on the list for the rally
        I don't want him to win
        I do not want a tax increase
        I'm not interested in politics
        wrong answer
        you're wrong about the border
        He is wrong for Ohio
        dead on arrival
        my father died fighting for this country and I vote
        God is good all the time
        block the merger
        I block walked yesterday
        I'm on a call, text me later
        Text me the address
        please text me the link
        Can you text me the details?
        call me
        Call me tomorrow
        send me more info
        Send it
        I got your text
        thanks for the text
        Didn't get the text you sent
        I'll text my friends
        I love getting these texts
        Love your messages
        Keep texting people, it works
        keep up the good work
        Subscribe to his podcast, it's great
        I subscribe to the Times
        My consent is not needed for that
        Legal weed now
        lawyers ruined this town
        no contact with my rep yet
        I can't stop thinking about the debate
        Unstoppable!
        endless summer lol
        quit idiots in congress
    """,
    ("en", "an ordinary answer", Want.NOTHING): """
        What is this about
        Which candidate is this for?
        Is this a real person?
        are you a bot
        How can I help?
        I want to volunteer
        I can knock doors on Sunday
        What time is the event?
        Where is the rally?
        I can't make it, sorry
        I'll be there with my sister
        I have a question about the school levy
        What is her position on health care?
        I already donated
        I gave 20 dollars last week
        I can't afford to give right now
        I'm on a fixed income and can't donate
        Where do I send a check
        Do you have yard signs
        My sign was stolen
        I work weekends
        I am out of town until Monday
        I'm driving, talk later
        in a meeting
        Can you call me after 5?
        my email is dana@example.org
        Inflation is my top issue
        Healthcare
        the economy and jobs
        Fix the roads
        lower my property taxes
        He's a crook
        Your candidate is a liar
        Trump 2028
        MAGA
        Vote blue no matter who
        bullshit
        This is bullshit, she voted for the tax hike
        I don't trust him
        I disagree with her on guns
        Depends on the candidate
        I will think about it
        Let me ask my husband
        My husband isn't home
        I just got home from the hospital
        I'm 78 years old
        I turned 18 last month!
        My daughter is in college
        I live in the 4th district
        I don't live in that district
        I moved last year
        My new address is 12 Elm St
        Happy to help
        good luck!
        God bless
        Tell him thank you for his service
        Where can I read more
        the link doesn't work
        it says page not found
        I can't open that
        What's your name
        Hi Sam, how are you?
        Nice try
        I know
        same here
        Not my problem
        I don't care
        whatever
        no comment
        that's private
        See you Saturday
        Thanks for all you do!
        Merry Christmas
        Happy Thanksgiving
    """,
    ("en", "what telephones and machines write", Want.NOTHING): """
        Liked “Hi Dana, it's Sam with the campaign. Reply STOP to opt out”
        Loved “Can we count on you? Stop2End”
        Disliked “Hi, it's Sam. Will you vote? Reply STOP to quit”
        Laughed at “Reply STOP to opt out”
        Emphasized “Polls close at 8”
        Questioned “Will you vote on Tuesday?”
        Liked an image
        Loved a photo
        Disliked "STOP to end"
        Liked "Hi Dana, it's Sam with the campaign and I am writing to
        Removed a like from “Can we count on you? STOP to end”
        Reacted 👍 to “Vote on Tuesday. Reply STOP to end”
        👍 to “Vote on Tuesday. Reply STOP to end”
        ❤️ to “ Hi Dana, will you join us? Reply STOP to opt out ”
        I'm driving with Do Not Disturb While Driving turned on. I'll see your message when I get where I'm going.
        I'm driving with Focus turned on. I'll see your message when I get where I'm going. (I'm not receiving notifications. If this is urgent, reply "urgent" to send a notification through with your original message.)
        Automatic reply: I am out of the office until Monday. Please do not text this number.
        Auto-reply: I am on vacation and will stop checking messages until Friday.
        Out of office: back on 12 October. In urgent cases call my cell.
        I am currently out of the office with no access to messages.
        Sorry, I can't talk right now.
        Can't talk now. What's up?
        [Auto Reply] I'm driving right now, I'll get back to you later.
        Free Msg: Unable to send message - Message Blocking is active.
        Thanks for contacting Elm Street Dental! Our office hours are 9 to 5. Do not text medical emergencies.
        Yes I will vote!⏎> Hi Dana, will you vote?⏎> Reply STOP to opt out
        Yes⏎⏎On Mon, Oct 12, 2026 at 9:14 AM Sam wrote:⏎Hi Dana. Reply STOP to end
        "Reply STOP to opt out" why would I, I love this
        Hi Dana, will you vote? Reply STOP to opt out
        Count me in⏎Sent from my iPhone
    """,
    ("en", "texts again", Want.IN): """
        START
        Start
        start please
        unstop
        UNSTOP
        Opt in
        opt me back in
        resubscribe
        subscribe
        Start, thanks!
    """,
    ("en", "texts again, in other words", Want.ANYBODYS_GUESS): """
        I didn't mean to opt out, put me back on the list
        Please start texting me again
        Oops, unstop please, that was my kid
        I want to opt back in
        Yes, start
        You can text me again
    """,
    ("en", "help", Want.HELP): """
        HELP
        Help
        help please
        info
        INFO
    """,
    ("en", "help that is none", Want.NOTHING): """
        I want to help
        can you help me register
        Help is on the way
        happy to help out
        need info on the candidates
        what info do you need
    """,
    ("es", "una palabra", Want.NO_MORE): """
        alto
        ALTO
        Alto por favor
        basta
        ¡Basta!
        parar
        Pare
        pare por favor
        cancelar
        Baja
        dar de baja
        Dame de baja
        salir
        fin
        para
        no más
        Ya basta
        STOP por favor
        stop gracias
        Cancelar suscripción
        detener
        desuscribir
        Desuscríbanme
        quiero darme de baja
    """,
    ("es", "una frase", Want.NO_MORE): """
        no me manden más mensajes
        No me manden mensajes
        No me envíen más mensajes por favor
        por favor no me escriban más
        no me escriba
        Ya no me envíen textos
        No más mensajes
        no mas textos por favor
        dejen de mandarme mensajes
        Deja de escribirme
        dejen de molestar
        No molesten
        quítenme de su lista
        Sáquenme de la lista por favor
        bórrenme
        Borren mi número
        eliminen mi número de su lista
        Elimíneme de la lista
        quiten mi nombre
        No quiero recibir mensajes
        ya no quiero recibir sus mensajes
        no deseo recibir más textos
        No me interesa, no me manden nada
        déjenme en paz
        Dejeme en paz
        yo no pedí esto, quítenme
        cómo me doy de baja?
        ¿Cómo cancelo estos mensajes?
        ya les dije que no me escriban
        les pedí que pararan de mandar mensajes
        nunca di mi consentimiento
        los voy a denunciar si me vuelven a escribir
        Estoy harto de sus mensajes
        cansada de tantos mensajes
        no vuelvan a escribirme
        Favor de no enviar mas mensajes a este numero
        Please no me manden más textos
    """,
    ("es", "menos, u otra persona", Want.NARROWER): """
¿Cómo consiguieron mi número?
quien les dio mi telefono
soy menor de edad
        número equivocado
        Numero equivocado señor
        se equivocó de número
        Está equivocado de persona
        aquí no vive María
        ella ya no vive aquí
        no es mi número
        mi esposo falleció
        Ella murió el año pasado
        es muy tarde para mandar mensajes
        solo una vez por semana
        sólo mensajes sobre la escuela
        no me pidan dinero
        este mes no
        prefiero correo
        demasiados mensajes
        no me llamen
        en español por favor
    """,
    ("es", "una respuesta cualquiera", Want.NOTHING): """
        sí
        Si claro
        no
        No gracias
        ya voté
        Ya voté, gracias
        voy a votar el martes
        gracias
        Muchas gracias
        quién es
        ¿Quién habla?
        ¿Dónde voto?
        a qué hora cierran
        no soy ciudadano
        no puedo votar
        mi esposa también vota
        cuenten conmigo
        ahí estaré
        para mí es la economía
        Para todos
        basta de impuestos
        Alto a la violencia
        no más guerras
        paren la guerra
        fin de semana sí puedo
        cancelar la deuda
        el fin no justifica los medios
        la parada del autobús está lejos
        no me gusta ese candidato
        no me interesa la política
        no quiero que gane
        ya no confío en ellos
        baja los impuestos
        quiten los impuestos
        saquen a ese alcalde
        mándeme más información
        me mandaron la boleta
        no me llegó la boleta
        estoy trabajando
        Estoy conduciendo, te llamo después
        Le gustó “Vote el martes. Responda STOP para cancelar”
        Bendiciones
        no sé
        saludos a todos
        hable con mi hijo
        que Dios los bendiga
    """,
    ("es", "otra vez, ayuda", Want.IN): """
        comenzar
        suscribirme
    """,
    ("es", "ayuda", Want.HELP): """
        ayuda
        Ayuda por favor
    """,
    ("fr", "un mot", Want.NO_MORE): """
        arrêt
        ARRÊT
        ARRET
        arrêtez
        Arrêter
        arrêtez svp
        stop merci
        STOP s'il vous plaît
        désabonner
        désabonnez-moi
        Désabonnement
        désinscription
        Me désinscrire
        fin
        assez
        stoppez
        résilier
    """,
    ("fr", "une phrase", Want.NO_MORE): """
        ne m'écrivez plus
        Ne m’écrivez plus svp
        ne me contactez plus
        Ne m'envoyez plus de messages
        n'envoyez plus de textos
        arrêtez de m'envoyer des messages
        Arrêtez de m'écrire
        arrête de me texter
        cessez de me contacter
        Retirez-moi de votre liste
        enlevez-moi de votre liste svp
        veuillez me retirer de votre liste
        Merci de me désabonner
        supprimez mon numéro
        Effacez mon numéro de votre liste
        je ne veux plus recevoir vos messages
        Je ne souhaite plus recevoir de textos
        je ne veux pas de vos messages
        plus de messages
        laissez-moi tranquille
        Fichez-moi la paix
        comment me désabonner?
        j'ai déjà demandé d'arrêter
        je n'ai jamais donné mon consentement
        J'en ai marre de vos textos
        c'est du harcèlement
        foutez-moi la paix
        pas intéressé, enlevez mon nom
        Dégagez
        ça suffit les messages
    """,
    ("fr", "moins, ou quelqu'un d'autre", Want.NARROWER): """
Comment avez-vous obtenu mon numéro ?
qui vous a donné mon numéro
        mauvais numéro
        faux numéro
        Vous vous trompez de numéro
        mauvaise personne
        il n'habite plus ici
        ce n'est pas mon numéro, c'est celui de mon fils
        mon mari est décédé
        elle est morte l'an dernier
        trop de messages
        pas ce mois-ci
        seulement pour les élections locales
        une fois par mois
        en français svp
        pas après 21 h s'il vous plaît
        ne me demandez pas d'argent
    """,
    ("fr", "une réponse quelconque", Want.NOTHING): """
        merci stp
        oui stp
        envoie-moi les horaires stp
        oui
        Oui merci
        non
        non merci
        j'ai déjà voté
        je vais voter mardi
        merci
        Merci beaucoup
        qui est-ce
        c'est qui ?
        où dois-je voter
        à quelle heure ça ferme
        je ne peux pas voter
        je ne suis pas citoyen
        d'accord
        on verra
        arrêtons la guerre
        Stop à la violence
        stop aux taxes
        il faut arrêter le gouvernement
        l'arrêt d'autobus est loin
        la fin du monde
        fin de semaine ça va
        je ne veux plus de ce premier ministre
        plus de logements
        ne lâchez pas
        envoyez-moi plus d'information
        écrivez-moi demain
        bonne chance
        je suis au travail
        Je conduis, je vous rappelle plus tard.
        A aimé « Votez mardi. Répondez STOP pour arrêter »
        mon fils vote aussi
        je ne sais pas
        à bientôt
    """,
    ("fr", "de nouveau", Want.IN): """
        commencer
        réabonnez-moi
    """,
    ("fr", "aide", Want.HELP): """
        aide
        Aide svp
    """,
    ("other", "other scripts", Want.NO_MORE): """
        停止
        退订
        стоп
        Стоп!
        توقف
        그만
    """,
    ("other", "other scripts", Want.NOTHING): """
        是
        да
        نعم
        谢谢
        спасибо
        我已经投票了
        네
    """,
    ("en", "a request that takes a while to say", Want.NO_MORE): """
        Take me off your text thread
        Never ring this number
        do not phone us
        don't put me in your group chats
        I'm done with these
        through with this
        Never again
        never again!
        Please don't include me in these messages
        kindly cease
        Enough with these
        I want no part of your texts
        text somebody else
        go annoy someone else
        I do not accept political messages
        I will hunt you down if you text again
        Stop wasting my time
        loose my number
        opt_out
        Opt.Out
        stahp
        Don't send
        Keep me off your lists
        get off my phone
        Please respect my wishes and stop
        I asked nicely before. Now I'm telling you. Stop.
        please no longer send me texts
        Not interested. Do not text
        unsubscirbe
        who gave you my number, delete it
    """,
    ("es", "otra frase", Want.NO_MORE): """
        quiero salir
        quiero la baja
        detener promociones
        quiero que paren
    """,
    ("en", "an answer that only sounds like a request", Want.NOTHING): """
        I told him to stop by at noon
        Please don't let them close the school
        My kids are sick of school lunches
        They keep raising rent
        I keep getting mailers from the other side
        Don't forget to vote!
        I won't forget
        do you need my address?
        I'm 16th in line lol
        He never called me back
        I never got a call
        My phone died
        Sorry my phone was dead
        I just got this phone, love it
        the wrong people are in power
        We need fewer politicians
        less talk more action
        only for the economy
        I only vote in November
        I only have one question
        Just one thing, fix the roads
        I'd rather vote in person
        I prefer to vote early
        I prefer her over him
        I'd rather have Bernie
        No money for war
        I have no money right now, broke
        Can you stop the construction noise on 5th
        When does early voting end
        When does early voting stop?
        Can I cancel my ballot and get a new one
        How do I remove my old address from my registration?
        I signed off on it
        I took Friday off
        take care
        leave the door open for her
        I'm done voting
        I'm done!
        I am tired today
        I work at a church office
        my work phone is on silent
        it's a business district problem
        I have consent forms for the school
        My lawyer said to vote yes
        I was a lawyer
        The FCC is corrupt
        sue them all
        sue the school board
        I got kicked off the voter rolls
        I was removed from the voter rolls
        they took my name off the voter list
        Block the vote? no way
        block party on Saturday
        spam lol jk I'm voting
        Texts from your office helped me find my polling place
        Too late, I already voted
        It's too late
        too many candidates
        so many choices
        I didn't ask for a mail ballot but got one
        I never signed up for mail voting
        I didn't receive my ballot
        I don't want to wait in line
        I do not want to vote for either
        I do not like her
        don't care
        Don't like him
        No more years!
        4 more years
        no more kings
        Enough of the lies
        enough money in politics
        We've had enough
        I got your message
        Got the message, thanks
        What does this message mean
        Great message
        My mom died of cancer, that's why I vote for healthcare
        my dad passed the bar in 1980
        passed
        I passed out flyers
        My sister is 17 and wants to volunteer
        My son is 12 and loves politics
        She is 15 points ahead
        I'm 10 minutes away
        Mother and father both voting
        my husband and I are both not voting for him
        my wife says hi
        no one here supports that
        nobody here is voting for him
        I'm not from here
        I don't live here anymore but my mom does
        He lives here too
        I no longer live in Iowa
        not my president
        not my number one issue
        Ask me again next week
        Text me next week
        try again later
        after the election we will see
        Not until I see the debate
        not before I read it
        during the day I work
        I go to bed early so not at night
    """,
    ("es", "una respuesta que suena a petición", Want.NOTHING): """
        En la noche puedo
        no me gusta nada
        no quiero más impuestos
        quiero más información
        no quiero saber nada de Trump
        me equivoqué de casilla
        ya no vivo en Texas
        no tengo dinero
        no más corrupción
        dejen trabajar al presidente
        saquen a los corruptos
        borren el muro
    """,
    ("fr", "une réponse qui ressemble à une demande", Want.NOTHING): """
        je ne veux plus de Macron
        je ne veux pas voter
        plus de services
        arrêtez les coupures
        j'en ai assez du gouvernement
        trop de taxes
        je n'ai pas reçu votre message
    """,
}

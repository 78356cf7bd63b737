"""The callee's behaviour, written as a SIPp scenario.

The last digits of the number decide; anything else rings shortly and answers:

    486 busy here              480 rings until the caller gives up
    603 decline                100 trying, and then nothing at all
    404 not found              183 early media, then answers
    503 service unavailable    299 answers, and hangs up itself
    622 answers: a machine that says its greeting, for more than six seconds
    435 answers: somebody says hello, and waits
    7770NN answers at once, and presses the keys of script NN, see keys.py
"""
import keys

REFUSALS = {"486": "Busy Here", "603": "Decline", "404": "Not Found",
            "503": "Service Unavailable"}
BEHAVIOURS = {**{code: f"refuse-{code}" for code in REFUSALS},
              "480": "ring", "100": "trying", "183": "early"}
# What whoever answers says: files of bed/speech.py
SPEECH = {"622": "greeting", "435": "hello"}

SDP = """v=0
o=bed 1 1 IN IP[local_ip_type] [local_ip]
s=bed
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
# Who presses keys has a port of his own, where nothing is sent back.
SDP_KEYS = SDP.replace("[media_port]", f"[media_port+{keys.MEDIA_OFFSET}]")
SDP_EVENTS = SDP_KEYS.replace("AVP 0", f"AVP 0 {keys.EVENTS}") + f"""\
a=rtpmap:{keys.EVENTS} telephone-event/8000
a=fmtp:{keys.EVENTS} 0-15
"""


class Scenario:
    """Collects steps; labels become the numbers that SIPp's jumps want."""

    def __init__(self):
        self.steps = []

    def add(self, xml):
        self.steps.append(xml)

    def label(self, name):
        self.add(f'<label id="{name}"/>')

    def jump(self, to, when=None):
        test = f' test="{when}"' if when else ""
        self.add(f'<nop{test} next="{to}"/>')

    def receive(self, message, **attributes):
        """message: a method, or the code of an answer."""
        kind = "response" if message.isdigit() else "request"
        extra = "".join(f' {name}="{value}"' for name, value in attributes.items())
        self.add(f'<recv {kind}="{message}"{extra}/>')

    def send(self, text, resend=False, then=None):
        extra = ' retrans="500"' if resend else ""
        extra += f' next="{then}"' if then else ""
        self.add(f"<send{extra}><![CDATA[\n{text}\n]]></send>")

    def answer(self, line, to_invite=True, sdp=None, tagged=False, resend=False, then=None):
        """tagged: the dialog is there, so the To we received has our tag already."""
        head = [f"SIP/2.0 {line}", "[last_Via:]", "[last_From:]",
                "[last_To:]" if tagged else "[last_To:];tag=bed[call_number]", "[last_Call-ID:]",
                "CSeq: [$invite] INVITE" if to_invite else "[last_CSeq:]",
                "Contact: <sip:bed@[local_ip]:[local_port]>"]
        if sdp:
            head += ["Content-Type: application/sdp", "Content-Length: [len]", "", sdp]
        else:
            head += ["Content-Length: 0", ""]
        self.send("\n".join(head), resend, then)

    def text(self):
        body = "\n".join(self.steps)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="bed">\n{body}\n</scenario>\n'


def matcher(digits):
    return (f'<ereg regexp="^INVITE sips?:[^@; ]*{digits}[@;]" search_in="msg"'
            f' assign_to="ends{digits}"/>')


def header(name, variable, pattern=".*"):
    return (f'<ereg regexp="{pattern}" search_in="hdr" header="{name}:" check_it="true"'
            f' assign_to="{variable}"/>')


def until_bye(s, ms=None):
    """The line may be renewed meanwhile. After so long the callee hangs up himself."""
    # of several messages that may come, the first one has the time
    limit = f' timeout="{ms}" ontimeout="bye"' if ms else ""
    s.add(f'<recv request="INVITE" optional="true" next="again"{limit}><action>'
          + header("CSeq", "invite", "[0-9]+") + "</action></recv>")
    s.receive("BYE", next="bye-received")


def play(s, file):
    s.add(f'<nop><action><exec play_pcap_audio="{file}"/></action></nop>')


def opening(s):
    actions = [matcher(digits) for digits in (*BEHAVIOURS, *SPEECH, "299")]
    actions += [header("CSeq", "invite", "[0-9]+"), header("From", "caller"),
                header("To", "callee"), header("Contact", "peer", "sips?:[^&gt;;]+")]
    # who was called, and when: see the file "invites"
    actions += ['<ereg regexp="sips?:([^@; ]*)@" search_in="msg" assign_to="target,number"/>',
                # and where its audio comes from
                '<ereg regexp="m=audio ([0-9]+)" search_in="body" assign_to="media,port"/>',
                '<log message="[$port] [timestamp] [$number]"/>',
                f'<ereg regexp="^INVITE sips?:[^@; ]*{keys.MARK}([0-9][0-9])[@;]" search_in="msg"'
                ' assign_to="presses,script"/>',
                '<ereg regexp="telephone-event" search_in="body" assign_to="events"/>']
    s.add('<recv request="INVITE"><action>' + "".join(actions) + "</action></recv>")
    s.add('<Reference variables="invite,caller,callee,peer,target,number,media,port,script"/>')
    s.jump("presses", when="presses")
    for digits, label in BEHAVIOURS.items():
        s.jump(label, when=f"ends{digits}")


def ringing_and_answer(s, ring_ms, early_ms):
    s.answer("180 Ringing")
    s.receive("CANCEL", timeout=ring_ms, ontimeout="pickup", next="cancelled")
    s.label("early")
    s.answer("183 Session Progress", sdp=SDP)
    s.receive("CANCEL", timeout=early_ms, ontimeout="pickup", next="cancelled")
    s.label("pickup")
    s.answer("200 OK", sdp=SDP, resend=True)
    # A CANCEL that crosses our 200 is confirmed; the caller then sends ACK and BYE.
    s.receive("CANCEL", optional="true", next="too-late")
    s.receive("ACK")
    s.jump("leave", when="ends299")


def talking(s, talk_ms):
    for digits in SPEECH:
        s.jump(f"say-{digits}", when=f"ends{digits}")
    s.label("talk")
    until_bye(s)
    s.label("bye-received")
    s.answer("200 OK", to_invite=False, tagged=True, then="end")

    s.label("too-late")
    s.answer("200 OK", to_invite=False)
    s.receive("ACK")
    s.receive("BYE", next="bye-received")

    # Hold, resume or a change of the connected line: the same answer again.
    s.label("again")
    s.jump("again-events", when="presses")
    s.answer("200 OK", sdp=SDP, tagged=True, resend=True)
    s.receive("ACK", next="talk")
    s.label("again-events")
    s.answer("200 OK", sdp=SDP_EVENTS, tagged=True, resend=True)
    s.receive("ACK")
    s.jump("last-words", when="leaves")
    s.jump("talk")

    for digits, name in SPEECH.items():
        s.label(f"say-{digits}")
        play(s, f"{name}.pcap")
        s.jump("talk")

    s.label("leave")
    s.receive("BYE", timeout=talk_ms, ontimeout="bye", next="bye-received")
    s.label("bye")
    s.send("\n".join(["BYE [$peer] SIP/2.0",
                      "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
                      "Max-Forwards: 70", "From:[$callee];tag=bed[call_number]",
                      "To:[$caller]", "[last_Call-ID:]", "CSeq: 99 BYE", "Content-Length: 0", ""]),
           resend=True)
    s.receive("200", next="end")


def script_jumps(s, kind):
    for script in keys.SCRIPTS:
        s.jump(f"{kind}-{script}", when=f"script{script}")
    s.jump("talk")


def after_keys(s, script, ms):
    if script not in keys.LEAVING:
        s.jump("talk")
        return
    until_bye(s, ms)


def info(s, number, key):
    s.send("\n".join(["INFO [$peer] SIP/2.0",
                      "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
                      "Max-Forwards: 70", "From:[$callee];tag=bed[call_number]",
                      "To:[$caller]", "[last_Call-ID:]", f"CSeq: {number} INFO",
                      "Content-Type: application/dtmf-relay", "Content-Length: [len]", "",
                      f"Signal={key}", f"Duration={keys.KEY_MS}"]), resend=True)


def pressing(s):
    """The keys come in the audio, or one INFO after the other."""
    s.label("presses")
    s.add("<nop><action>" + "".join(
        f'<ereg regexp="^{script}$" search_in="var" variable="script"'
        f' assign_to="script{script}"/>' for script in keys.SCRIPTS)
        + f'<ereg regexp="^({"|".join(keys.LEAVING)})$" search_in="var" variable="script"'
        ' assign_to="leaves"/></action></nop>')
    s.answer("180 Ringing")
    for script in keys.RINGING:
        s.jump("press-later", when=f"script{script}")
    s.label("press")
    s.jump("press-events", when="events")

    s.answer("200 OK", sdp=SDP_KEYS, resend=True)
    s.receive("ACK")
    script_jumps(s, "info")
    for script, text in keys.SCRIPTS.items():
        s.label(f"info-{script}")
        play(s, keys.audio_of(script))
        for place, (pause, key) in enumerate(keys.steps(text)[0], 1):
            after = f"info-{script}-{place}"
            s.receive("BYE", timeout=pause, ontimeout=f"{after}-press", next="bye-received")
            s.label(f"{after}-press")
            info(s, place, key)
            s.receive("200", optional="true", next=after)
            s.receive("481", optional="true", next="talk")
            s.receive("BYE", next="bye-received")
            s.label(after)
        after_keys(s, script, keys.steps(text)[1])

    s.label("press-events")
    s.answer("200 OK", sdp=SDP_EVENTS, resend=True)
    s.receive("ACK")
    script_jumps(s, "events")
    for script, text in keys.SCRIPTS.items():
        s.label(f"events-{script}")
        play(s, keys.file_of(script))
        after_keys(s, script, keys.length_ms(text))

    s.label("press-later")
    s.receive("CANCEL", timeout=keys.RING_MS, ontimeout="press", next="cancelled")

    # the line was renewed meanwhile
    s.label("last-words")
    until_bye(s, 4 * keys.PAUSE_MS)


def waiting(s):
    s.label("trying")
    s.answer("100 Trying", tagged=True)
    s.jump("until-cancelled")
    s.label("ring")
    s.answer("180 Ringing")
    s.label("until-cancelled")
    s.receive("CANCEL")
    s.label("cancelled")
    s.answer("200 OK", to_invite=False)
    s.answer("487 Request Terminated", resend=True)
    s.receive("ACK", next="end")


def build(ring_ms=1000, early_ms=400, talk_ms=1000):
    s = Scenario()
    opening(s)
    ringing_and_answer(s, ring_ms, early_ms)
    talking(s, talk_ms)
    pressing(s)
    waiting(s)
    for code, reason in REFUSALS.items():
        s.label(f"refuse-{code}")
        s.answer(f"{code} {reason}", resend=True)
        s.receive("ACK", next="end")
    s.label("end")
    s.add("<nop/>")
    return s.text()

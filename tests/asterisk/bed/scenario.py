"""The callee's behaviour, written as a SIPp scenario.

The last digits of the number decide; anything else rings shortly and answers:

    486 busy here              480 rings until the caller gives up
    603 decline                100 trying, and then nothing at all
    404 not found              183 early media, then answers
    503 service unavailable    299 answers, and hangs up itself
"""

REFUSALS = {"486": "Busy Here", "603": "Decline", "404": "Not Found",
            "503": "Service Unavailable"}
BEHAVIOURS = {**{code: f"refuse-{code}" for code in REFUSALS},
              "480": "ring", "100": "trying", "183": "early"}

SDP = """v=0
o=bed 1 1 IN IP[local_ip_type] [local_ip]
s=bed
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
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

    def answer(self, line, to_invite=True, sdp=False, tagged=False, resend=False, then=None):
        """tagged: the dialog is there, so the To we received has our tag already."""
        head = [f"SIP/2.0 {line}", "[last_Via:]", "[last_From:]",
                "[last_To:]" if tagged else "[last_To:];tag=bed[call_number]", "[last_Call-ID:]",
                "CSeq: [$invite] INVITE" if to_invite else "[last_CSeq:]",
                "Contact: <sip:bed@[local_ip]:[local_port]>"]
        if sdp:
            head += ["Content-Type: application/sdp", "Content-Length: [len]", "", SDP]
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


def opening(s):
    actions = [matcher(digits) for digits in (*BEHAVIOURS, "299")]
    actions += [header("CSeq", "invite", "[0-9]+"), header("From", "caller"),
                header("To", "callee"), header("Contact", "peer", "sips?:[^&gt;;]+")]
    # who was called, and when: see the file "invites"
    actions += ['<ereg regexp="sips?:([^@; ]*)@" search_in="msg" assign_to="target,number"/>',
                '<log message="[timestamp] [$number]"/>']
    s.add('<recv request="INVITE"><action>' + "".join(actions) + "</action></recv>")
    s.add('<Reference variables="invite,caller,callee,peer,target,number"/>')
    for digits, label in BEHAVIOURS.items():
        s.jump(label, when=f"ends{digits}")


def ringing_and_answer(s, ring_ms, early_ms):
    s.answer("180 Ringing")
    s.receive("CANCEL", timeout=ring_ms, ontimeout="pickup", next="cancelled")
    s.label("early")
    s.answer("183 Session Progress", sdp=True)
    s.receive("CANCEL", timeout=early_ms, ontimeout="pickup", next="cancelled")
    s.label("pickup")
    s.answer("200 OK", sdp=True, resend=True)
    # A CANCEL that crosses our 200 is confirmed; the caller then sends ACK and BYE.
    s.receive("CANCEL", optional="true", next="too-late")
    s.receive("ACK")
    s.jump("leave", when="ends299")


def talking(s, talk_ms):
    s.label("talk")
    s.add('<recv request="INVITE" optional="true" next="again"><action>'
          + header("CSeq", "invite", "[0-9]+") + "</action></recv>")
    s.receive("BYE")
    s.label("bye-received")
    s.answer("200 OK", to_invite=False, tagged=True, then="end")

    s.label("too-late")
    s.answer("200 OK", to_invite=False)
    s.receive("ACK")
    s.receive("BYE", next="bye-received")

    # Hold, resume or a change of the connected line: the same answer again.
    s.label("again")
    s.answer("200 OK", sdp=True, tagged=True, resend=True)
    s.receive("ACK", next="talk")

    s.label("leave")
    s.receive("BYE", timeout=talk_ms, ontimeout="bye", next="bye-received")
    s.label("bye")
    s.send("\n".join(["BYE [$peer] SIP/2.0",
                      "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
                      "Max-Forwards: 70", "From:[$callee];tag=bed[call_number]",
                      "To:[$caller]", "[last_Call-ID:]", "CSeq: 1 BYE", "Content-Length: 0", ""]),
           resend=True)
    s.receive("200", next="end")


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
    waiting(s)
    for code, reason in REFUSALS.items():
        s.label(f"refuse-{code}")
        s.answer(f"{code} {reason}", resend=True)
        s.receive("ACK", next="end")
    s.label("end")
    s.add("<nop/>")
    return s.text()

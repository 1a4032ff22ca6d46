package invitation_test

import (
	"testing"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/taint"
	"myauth.internal/kit/invitation"
)

// TestNoSecretIsSeen is claim 71 over the life of invitations: no token or password is in the log, an
// event, a metric or a trace.
func TestNoSecretIsSeen(t *testing.T) {
	var seen *taint.Watch
	w := newWorld(t, func(o *kit.Options) { seen = taint.Add(o) })
	first, revoked := w.invite(w.ada)
	if err := w.revoke(w.Service, w.ada, first.ID); err != nil {
		t.Fatal(err)
	}
	_, token := w.invite(w.ada)
	secrets := []string{revoked, token, "wrong-" + token, password}
	for _, token := range []string{revoked, "wrong-" + token, token, token} {
		_ = w.accept(token)
	}
	if _, ok := w.account(); !ok {
		t.Fatal("nobody has accepted")
	}
	_ = w.Close(t.Context())
	for _, m := range w.Mailer.All() {
		if m.Token != "" {
			secrets = append(secrets, string(m.Token))
		}
	}
	if found := seen.Find(secrets...); len(found) > 0 {
		t.Errorf("after these: %q", found)
	}
	if len(seen.Find(`kind="`+string(invitation.EventMade)+`"`, "operation hash hash", `myauth_mail_attempt_duration_seconds_count{kind="`+string(invitation.MailInvitation))) != 3 {
		t.Error("not everything is seen")
	}
}

package invitation_test

import (
	"fmt"
	"log"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/invitation"
	"myauth.internal/kit/kittest"
	"myauth.internal/kit/memstore"
)

// A service of a company: people come by invitation only, which they have three days to accept.
func Example() {
	keys, err := accesstoken.HMAC([]byte("a secret of at least 32 random bytes"))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{
		Registration: kit.RegistrationInvited,
		Features:     []kit.Feature{invitation.New(&invitation.Options{TTL: 3 * 24 * time.Hour})},
		Mailer:       &kittest.Mailer{}, // in its place that of package mailx
		PublicURL:    "https://app.example.com",
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, route := range svc.Routes() { // which package httpx serves below /auth
		fmt.Println(route.Method, route.Path)
	}
	fmt.Println(svc.Pages()[0].Path) // to which the link in the mail leads
	// Output:
	// POST /admin/invitations
	// GET /admin/invitations
	// DELETE /admin/invitations/{id}
	// POST /invitations/accept
	// /accept-invitation
}

package kit

import (
	"context"
	_ "embed"
)

//go:embed mfa.openapi.json
var mfaOpenAPI []byte

// mfaRoutes are the routes of second factors, whatever factors there are.
func (s *Service) mfaRoutes() Extension {
	return Extension{
		Routes: []Route{
			{Method: "GET", Path: "/mfa", Access: SignedIn, Body: NoBody, Serve: s.serveFactors},
			{Method: "POST", Path: "/mfa/recovery-codes", Access: RecentlySignedIn, Body: NoBody, Serve: s.serveRecoveryCodes},
			{Method: "POST", Path: "/mfa/{name}", Access: RecentlySignedIn, Body: OptionalJSON, Serve: s.serveEnroll},
			{Method: "POST", Path: "/mfa/{name}/confirm", Access: RecentlySignedIn, Body: JSONBody, Serve: s.serveConfirm},
			{Method: "DELETE", Path: "/mfa/{name}", Access: RecentlySignedIn, Body: NoBody, Serve: s.serveRemove},
			{Method: "POST", Path: "/login/mfa/begin", Access: Public, Body: JSONBody, Serve: s.serveChallenge},
			{Method: "POST", Path: "/reauthenticate/begin", Access: SignedIn, Body: JSONBody, Serve: s.serveChallenge},
			{Method: "POST", Path: "/login/mfa", Access: Public, Body: JSONBody, Serve: s.serveFactorLogin},
		},
		OpenAPI: mfaOpenAPI,
		Mails: []MailRule{
			{
				Kind: MailFactorEnrolled, Notice: true, Subject: "A second factor was set up",
				Text: "Somebody who was signed in to your account set up a second factor ({{.Data.factor}}).\n\nIf this was not you, reset your password at once, and tell us.\n",
			},
			{
				Kind: MailFactorRemoved, Notice: true, Subject: "A second factor was removed",
				Text: "Somebody who was signed in to your account removed a second factor ({{.Data.factor}}).\n\nIf this was not you, reset your password at once, and tell us.\n",
			},
			{
				Kind: MailRecoveryCodesMade, Notice: true, Subject: "You have new recovery codes",
				Text: "Somebody who was signed in to your account made new recovery codes. Those from before don't work any more.\n\nIf this was not you, reset your password at once, and tell us.\n",
			},
			{
				Kind: MailRecoveryCodeUsed, Notice: true, Subject: "A recovery code was used",
				Text: "Somebody who has your password signed in with one of your recovery codes in place of your second factor. That code doesn't work any more.\n\nIf this was not you, reset your password at once, make new recovery codes, and tell us.\n",
			},
		},
	}
}

// serveFactors is GET /mfa.
func (s *Service) serveFactors(ctx context.Context, r Request) (Answer, error) {
	enrolled, err := s.Factors(ctx, r.User)
	if err != nil {
		return Answer{}, err
	}
	type factor struct {
		Type       string  `json:"type"`
		CreatedAt  string  `json:"created_at"`
		LastUsedAt *string `json:"last_used_at"`
	}
	list := []factor{}
	for _, f := range enrolled {
		item := factor{Type: f.Name, CreatedAt: f.CreatedAt.UTC().Format(jsonTime)}
		if !f.LastUsedAt.IsZero() {
			used := f.LastUsedAt.UTC().Format(jsonTime)
			item.LastUsedAt = &used
		}
		list = append(list, item)
	}
	left, err := s.RecoveryCodesLeft(ctx, r.User)
	if err != nil {
		return Answer{}, err
	}
	return JSON(200, map[string]any{"factors": list, "recovery_codes_left": left})
}

// serveEnroll is POST /mfa/{name}.
func (s *Service) serveEnroll(ctx context.Context, r Request) (Answer, error) {
	p, err := s.EnrollFactor(ctx, r.Claims, r.PathValue("name"), r.Body)
	if err != nil {
		return Answer{}, err
	}
	return JSON(201, p.Show)
}

// serveConfirm is POST /mfa/{name}/confirm.
func (s *Service) serveConfirm(ctx context.Context, r Request) (Answer, error) {
	state, err := r.Body.One(Field{Name: "state"})
	if err != nil {
		return Answer{}, err
	}
	enrolled, err := s.ConfirmFactor(ctx, r.Claims, r.PathValue("name"), state, r.Body)
	if err != nil || len(enrolled.RecoveryCodes) == 0 {
		return Answer{Tokens: enrolled.Tokens}, err
	}
	answer, err := shownCodes(enrolled.RecoveryCodes)
	answer.Tokens = enrolled.Tokens
	return answer, err
}

// serveRecoveryCodes is POST /mfa/recovery-codes.
func (s *Service) serveRecoveryCodes(ctx context.Context, r Request) (Answer, error) {
	codes, err := s.NewRecoveryCodes(ctx, r.Claims)
	if err != nil {
		return Answer{}, err
	}
	return shownCodes(codes)
}

func shownCodes(codes []Secret) (Answer, error) {
	shown := []string{}
	for _, code := range codes {
		shown = append(shown, string(code))
	}
	return JSON(200, map[string]any{"recovery_codes": shown})
}

// serveRemove is DELETE /mfa/{name}.
func (s *Service) serveRemove(ctx context.Context, r Request) (Answer, error) {
	return Done(), s.RemoveFactor(ctx, r.Claims, r.PathValue("name"))
}

// serveChallenge is POST /login/mfa/begin, and /reauthenticate/begin, which has claims.
func (s *Service) serveChallenge(ctx context.Context, r Request) (Answer, error) {
	var token, method string
	if err := r.Body.Decode([]Field{{Name: "mfa_token", Text: &token}, {Name: "method", Text: &method}}, nil); err != nil {
		return Answer{}, err
	}
	p, err := s.ChallengeFactor(ctx, r.Claims, token, method)
	if err != nil {
		return Answer{}, err
	}
	return JSON(200, p.Show)
}

// serveFactorLogin is POST /login/mfa.
func (s *Service) serveFactorLogin(ctx context.Context, r Request) (Answer, error) {
	var token, method, state string
	var remember bool
	err := r.Body.Decode([]Field{
		{Name: "mfa_token", Text: &token},
		{Name: "method", Text: &method},
		{Name: "state", Text: &state, Optional: true},
		{Name: "remember_device", Flag: &remember, Optional: true},
	}, nil)
	if err != nil {
		return Answer{}, err
	}
	if remember {
		ctx = RememberDevice(ctx)
	}
	tokens, err := s.LoginWithFactor(ctx, token, method, state, r.Body)
	return Answer{Tokens: tokens}, err
}

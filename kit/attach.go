package kit

import (
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
)

// reserved are the types of MyAuth's own records, and what once is used for: a feature's begin
// with its name.
var reserved = []string{string(RefreshToken), string(PasswordResetToken), string(EmailChangeToken), string(mfaType), string(deviceType), string(onceType), string(adminsType), "factor", "state", recoveryMethod}

// ownMails are the kinds that the core has rules for.
var ownMails = []MailKind{MailVerification, MailPasswordReset, MailPasswordChanged, MailEmailChange, MailEmailChangeRequested, MailEmailChanged, MailAccountExists, MailNewDevice, MailPasswordGuessing, MailFactorsReset}

var featureName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)

// attach adds what the features bring. The routes of second factors come last, because they
// serve whatever factors there are.
func (s *Service) attach(features []Feature) error {
	s.factors, s.alternates, s.mailRules = map[string]Factor{}, map[string]Alternate{}, map[MailKind]MailRule{}
	if len(features) > 0 {
		if _, _, err := s.keys.Derive(statePurpose, ""); err != nil {
			return fmt.Errorf("kit: Options.Features need to derive the key of states: %w", err)
		}
	}
	var names []string
	for _, f := range features {
		if f == nil {
			return errors.New("kit: Options.Features has a nil feature")
		}
		name := f.Name()
		switch {
		case !featureName.MatchString(name):
			return fmt.Errorf("kit: the name of a feature is %q: it must be of a to z, 0 to 9 and _, at most 20 characters", name)
		case slices.Contains(reserved, name):
			return fmt.Errorf("kit: a feature must not have the name %q, which MyAuth itself uses", name)
		case slices.Contains(names, name):
			return fmt.Errorf("kit: Options.Features has two features with the name %q", name)
		}
		names = append(names, name)
		e, err := f.Attach(&Core{s, name})
		if err == nil {
			err = s.extend(name, e)
		}
		if err != nil {
			return fmt.Errorf("kit: feature %s: %w", name, err)
		}
	}
	if len(s.factors) > 0 {
		return s.extend("mfa", s.mfaRoutes())
	}
	return nil
}

// extend adds what one feature brings.
func (s *Service) extend(name string, e Extension) error {
	if len(e.Routes) > 0 && len(e.OpenAPI) == 0 {
		return errors.New("Extension.OpenAPI must describe Extension.Routes")
	}
	for _, r := range e.Routes {
		if r.Serve == nil || r.Method == "" || r.Path == "" || r.Path[0] != '/' {
			return fmt.Errorf("the route %q %q needs a Method, a Path that begins with a slash, and Serve", r.Method, r.Path)
		}
		taken := func(other Route) bool { return other.Method == r.Method && other.Path == r.Path }
		if slices.ContainsFunc(s.routes, taken) {
			return fmt.Errorf("the route %s %s is there already", r.Method, r.Path)
		}
		s.routes = append(s.routes, r)
	}
	if len(e.OpenAPI) > 0 {
		s.fragments = append(s.fragments, fragment{name, e.OpenAPI})
	}
	for _, rule := range e.Mails {
		if _, taken := s.mailRules[rule.Kind]; taken || rule.Kind == "" || slices.Contains(ownMails, rule.Kind) {
			return fmt.Errorf("the kind of mail %q is taken or empty", rule.Kind)
		}
		if (rule.Subject == "") != (rule.Text == "") || rule.TTL < 0 {
			return fmt.Errorf("the mail %q has a Subject or a Text without the other, or a negative TTL", rule.Kind)
		}
		s.mailRules[rule.Kind] = rule
	}
	for _, p := range e.Pages {
		if err := s.addPage(p); err != nil {
			return err
		}
	}
	if e.Factor != nil {
		if s.opts.DataKeys == nil {
			return ErrNoDataKeys
		}
		s.factors[name] = e.Factor
	}
	if e.Alternate != nil {
		if e.Factor != nil {
			return errors.New("Extension has a Factor and an Alternate, which would have one name")
		}
		s.alternates[name] = e.Alternate
	}
	if e.WaysIn != nil {
		s.waysIn = append(s.waysIn, e.WaysIn)
	}
	if e.Gate != nil {
		s.gates = append(s.gates, e.Gate)
	}
	if e.Observe != nil {
		s.observers = append(s.observers, e.Observe)
	}
	if e.Trace != nil {
		s.addTracer(e.Trace)
	}
	return nil
}

// Routes returns the routes that features bring, those of second factors included, for HTTP
// layers. Package httpx serves them beside the core's.
func (s *Service) Routes() []Route { return slices.Clone(s.routes) }

// fragment is the Extension.OpenAPI of a feature.
type fragment struct {
	feature string
	text    []byte
}

// OpenAPI yields the fragments that describe Routes, each with the name of its feature: see
// Extension.OpenAPI.
func (s *Service) OpenAPI() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, f := range s.fragments {
			if !yield(f.feature, f.text) {
				return
			}
		}
	}
}

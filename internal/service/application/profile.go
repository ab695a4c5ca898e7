package application

import (
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// A bundle is what a profile means: the switches that it sets where nobody set
// them, and the floor under which none of them may go. All other switches may be
// set alone, before and after.
type bundle struct {
	fill  func(*model.ApplicationSettings)
	floor []rule
}

// A rule is broken by settings that contradict a profile.
type rule struct {
	broken func(*model.ApplicationSettings) bool
	says   string
}

var bundles = map[model.Profile]bundle{
	model.ProfileOIDC:         {fill: fillOIDC},
	model.ProfileOAuth21:      {fill: fillRotating},
	model.ProfileMCP:          {fill: fillMCP, floor: []rule{needsPKCE}},
	model.ProfileFAPI2:        {fill: fillFAPI2, floor: fapi2},
	model.ProfileFAPI2Signing: {fill: fillSigning, floor: signing},
	model.ProfileFAPICIBA:     {fill: fillFAPICIBA, floor: fapiCIBA},
}

// Apply sets the switches that a profile stands for, but for those that are set
// already. It is ErrInvalid for a profile that does not exist.
func Apply(p model.Profile, s *model.ApplicationSettings) error {
	b, ok := bundles[p]
	if !ok {
		return fmt.Errorf("%w: unknown profile %q", ErrInvalid, p)
	}
	s.Profile = p
	b.fill(s)
	return nil
}

// checkProfile refuses settings that contradict their profile: whoever wants
// them has to say that the application has another.
func checkProfile(s *model.ApplicationSettings) error {
	for _, r := range bundles[s.Profile].floor {
		if r.broken(s) {
			return fmt.Errorf("%w: an application of the profile %s %s", ErrInvalid, s.Profile, r.says)
		}
	}
	return nil
}

// set fills in what is not set.
func set[T comparable](at *T, value T) {
	var none T
	if *at == none {
		*at = value
	}
}

// fillOIDC: plain relying parties, as OpenID Connect Core 1.0, Section 3.1 and
// OpenID Connect Dynamic Client Registration 1.0, Section 2 have them. Who cannot
// keep a secret needs PKCE everywhere.
func fillOIDC(s *model.ApplicationSettings) {
	fillRotating(s)
	set(&s.OptionalPKCE, s.AuthMethod.Confidential())
	set(&s.IDTokenAlg, string(jose.RS256))
	if len(s.AssertionAlgs) == 0 {
		s.AssertionAlgs = []string{string(jose.ES256), string(jose.EdDSA), string(jose.PS256), string(jose.RS256)}
	}
}

func fillRotating(s *model.ApplicationSettings) { set(&s.Refresh, model.RefreshRotate) }

// fillMCP: an MCP client takes what the resource that it found offers.
func fillMCP(s *model.ApplicationSettings) {
	fillRotating(s)
	set(&s.AnyScope, len(s.Scopes) == 0)
}

// fillFAPI2: FAPI 2.0 Security Profile, Section 5.3.2.
func fillFAPI2(s *model.ApplicationSettings) {
	fillFAPI(s)
	s.RequirePAR = true
}

func fillFAPI(s *model.ApplicationSettings) {
	s.StrictAudience = true
	set(&s.Refresh, model.RefreshKeep)
	set(&s.IDTokenAlg, string(jose.ES256))
	if overTLS(s.AuthMethod) {
		set(&s.Sender, model.SenderMTLS)
	}
	set(&s.Sender, model.SenderDPoP)
}

// fillSigning: FAPI 2.0 Message Signing, Sections 5.3, 5.4 and 5.5.
func fillSigning(s *model.ApplicationSettings) {
	fillFAPI2(s)
	s.RequireSigned = true
	set(&s.AuthorizationAlg, string(jose.ES256))
	set(&s.IntrospectionAlg, string(jose.ES256))
}

// fillFAPICIBA: FAPI-CIBA, Section 5.2.2.
func fillFAPICIBA(s *model.ApplicationSettings) {
	fillFAPI(s)
	s.RequireSignedCIBA = true
}

var needsPKCE = rule{func(s *model.ApplicationSettings) bool { return s.OptionalPKCE }, "must use PKCE"}

// fapi is what both FAPI profiles want.
var fapi = []rule{
	{func(s *model.ApplicationSettings) bool { return !strongMethod(s.AuthMethod) },
		"authenticates with private_key_jwt or mutual TLS"}, // Section 5.3.2.1, number 6
	{func(s *model.ApplicationSettings) bool { return s.Sender == model.SenderNone },
		"gets tokens that are bound by DPoP or mutual TLS"}, // number 4
	{func(s *model.ApplicationSettings) bool { return s.Refresh == model.RefreshRotate },
		"does not rotate refresh tokens"}, // number 9
	{func(s *model.ApplicationSettings) bool { return !s.StrictAudience },
		"addresses its assertions to the issuer alone"}, // number 8
	{func(s *model.ApplicationSettings) bool { return slices.Contains(algsOf(s), string(jose.RS256)) },
		"does not use RS256"}, // Section 5.4.1
}

var fapi2 = slices.Concat(fapi, []rule{
	needsPKCE, // number 10 of Section 5.3.2.2
	{func(s *model.ApplicationSettings) bool { return !s.RequirePAR }, "must push its authorization requests"},
})

var signing = slices.Concat(fapi2, []rule{
	{func(s *model.ApplicationSettings) bool { return !s.RequireSigned }, "must sign its authorization requests"},
	{func(s *model.ApplicationSettings) bool { return s.AuthorizationAlg == "" }, "gets signed authorization answers"},
	{func(s *model.ApplicationSettings) bool { return s.IntrospectionAlg == "" }, "gets signed introspection answers"},
})

var fapiCIBA = slices.Concat(fapi, []rule{
	{func(s *model.ApplicationSettings) bool { return !s.RequireSignedCIBA }, "must sign its backchannel requests"},
})

func strongMethod(m model.ClientAuthMethod) bool {
	return m == model.AuthPrivateKeyJWT || overTLS(m)
}

// overTLS: RFC 8705, Section 2.
func overTLS(m model.ClientAuthMethod) bool {
	return m == model.AuthTLS || m == model.AuthSelfSignedTLS
}

// algsOf lists every algorithm that the settings name.
func algsOf(s *model.ApplicationSettings) []string {
	return append(slices.Clone(s.AssertionAlgs), s.RequestAlg, s.CIBARequestAlg, s.AuthorizationAlg, s.TokenAlg,
		s.IDTokenAlg, s.UserinfoAlg, s.IntrospectionAlg)
}

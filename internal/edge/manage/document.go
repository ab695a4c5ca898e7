package manage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// schemeName is how the document calls the way in.
const schemeName = "management"

// description is the API before its operations. Nothing of huma's own is served:
// no schemas, no `$schema` links, no page.
func description(version string) huma.Config {
	scopes := map[string]string{}
	for s, about := range Scopes {
		scopes[string(s)] = about
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Assent management API", Version: version, Description: "What operators' programs do in the realms of a server. " +
				"Call it under the issuer of the default realm, with an access token that a management application got there by the grant client_credentials " +
				"(`assent management create`), as Bearer or DPoP. Refusals are problem documents (RFC 9457) with a stable `code`; none repeats what was sent."},
			Servers: []*huma.Server{{URL: "/", Description: "The default realm's issuer."}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{schemeName: {Type: "oauth2", Description: "Tokens of management applications.",
					Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{TokenURL: "/oauth/token", Scopes: scopes}}}}}}, //nolint:gosec // G101: the path of an endpoint, no credential
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// illustrate adds what huma does not take from types: examples of the bodies, and
// what each refusal looks like.
func (a *API) illustrate(op operation) {
	item := a.huma.OpenAPI().Paths[op.where()]
	declared := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}[op.method]
	if op.takes != nil {
		declared.RequestBody.Description = "At most " + strconv.FormatInt(op.most()-1, 10) + " bytes."
		declared.RequestBody.Extensions = map[string]any{"x-maximum-bytes": op.most() - 1}
		declared.RequestBody.Content["application/json"].Example = op.takes
	}
	if good := declared.Responses[strconv.Itoa(cmp.Or(op.status, http.StatusOK))]; op.method == http.MethodPost {
		good.Headers = withReplayed(good.Headers)
	}
	for _, p := range declared.Parameters {
		if len(p.Schema.Examples) > 0 {
			p.Example = p.Schema.Examples[0]
		}
	}
	for status, response := range declared.Responses {
		code, err := strconv.Atoi(status)
		if err != nil {
			continue
		}
		if response.Description = http.StatusText(code); code < http.StatusMultipleChoices {
			if op.gives != nil {
				response.Content["application/json"].Example = op.gives
			}
			continue
		}
		if r, ok := refusals[code]; ok {
			response.Description = r.about
			response.Content["application/problem+json"].Example = Problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Code: r.code,
				Detail: r.about, Reference: "req_01kagxw5z3e6er2m9mv8n9vpcx"}
		}
	}
}

// withReplayed adds the header of answers that were given before.
func withReplayed(headers map[string]*huma.Param) map[string]*huma.Param {
	if headers == nil {
		headers = map[string]*huma.Param{}
	}
	headers[replayedHeader] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString},
		Description: "true where the request was answered before, and this is that answer.", Example: "true"}
	return headers
}

// refusals say what each status means, with one code that comes with it.
var refusals = map[int]struct{ code, about string }{
	http.StatusBadRequest:            {"malformed_body", "The body is not JSON."},
	http.StatusUnauthorized:          {"token_required", "There is no access token, or it is not valid (any more)."},
	http.StatusForbidden:             {"insufficient_scope", "The token is not a management application's, or lacks the scope."},
	http.StatusNotFound:              {"not_found", "There is no such thing, or it is in another realm."},
	http.StatusNotAcceptable:         {"not_acceptable", "The answer is JSON."},
	http.StatusRequestTimeout:        {"body_too_slow", "The body took too long to arrive."},
	http.StatusConflict:              {"conflict", "What there is stands against it. The code says what."},
	http.StatusGone:                  {"expired", "It is over."},
	http.StatusPreconditionFailed:    {"changed", "It was changed since you read it."},
	http.StatusRequestEntityTooLarge: {"body_too_large", "The body is larger than this operation accepts."},
	http.StatusUnsupportedMediaType:  {"unsupported_media_type", "The body is not application/json."},
	http.StatusUnprocessableEntity:   {"invalid_request", "A part of the request is not what it must be. `errors` names the parts."},
	http.StatusInternalServerError:   {"server_error", "Something went wrong on the server. The reference is in its log."},
	http.StatusServiceUnavailable:    {"unavailable", "The server cannot answer right now. Try again after Retry-After seconds."},
}

// documents are the description as it is served.
type documents struct{ json, yaml []byte }

func (a *API) document() (documents, error) {
	if err := a.describeSchemas(a.huma.OpenAPI().Components.Schemas.Map()); err != nil {
		return documents{}, err
	}
	text, err := json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		return documents{}, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	yaml, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return documents{}, fmt.Errorf("write the OpenAPI document as YAML: %w", err)
	}
	return documents{text, yaml}, nil
}

// private members of schemas are not for this API to set or to show.
var private = map[string][]string{
	"ApplicationInput": {"origin", "registration_token_digest", "management", "software_id", "software_version", "any_scope"},
	"Application":      {"registration_token_digest"},
}

// describe adds words for the schemas of one file: by "Schema", "Schema.member" or
// "member". Members may also have a doc tag.
func (a *API) describe(more map[string]string) { maps.Copy(a.words, more) }

// describeSchemas gives each member its words, and takes the private ones out.
func (a *API) describeSchemas(schemas map[string]*huma.Schema) error {
	for name, s := range schemas {
		whole, changes := name, ""
		if of := strings.TrimSuffix(name, patchName); of != name && schemas[of] != nil {
			whole, changes = of, "Changes (RFC 7396): what is left out stays, null takes a member away. "
		}
		for _, p := range private[whole] {
			delete(s.Properties, p)
		}
		if a.words[whole] == "" {
			return fmt.Errorf("the schema %s has no words", name)
		}
		s.Description = changes + a.words[whole]
		for p, member := range s.Properties {
			about := cmp.Or(a.words[name+"."+p], a.words[whole+"."+p], member.Description, a.words[p])
			if about == "" {
				return fmt.Errorf("the member %s of %s has no words", p, name)
			}
			member.Description = about
			if values := choices[p]; values != "" && member.Enum == nil && member.Type == "string" {
				for v := range strings.SplitSeq(values, ",") {
					member.Enum = append(member.Enum, v)
				}
			}
		}
		s.PrecomputeMessages()
	}
	return nil
}

// serve answers one form of the document to everybody.
func serve(contentType string, text []byte) http.Handler {
	return httpx.API(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Cache-Control", "public, max-age=300")
		return httpx.WriteRaw(w, http.StatusOK, contentType, text)
	})
}

package embedded_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever a page sends, the answer is a problem document or one of ours, and never
// a fault; nobody is signed in by it.
//
// Requirement: embedded-fuzz
func FuzzEmbeddedBodies(f *testing.F) {
	s := newShop(f, recipe{})
	r := s.begin(f)
	token := s.link(f, s.identity(f, "bob").ID, s.config.ID)
	state := s.post(f, "bind", object{"token": token}).Text("state")
	fill := strings.NewReplacer("REQUEST", r.jwt, "TOKEN", token, "STATE", state, "RESPONSE", string(r.assert(f, s.newDevice(f, rpID, origin))))
	for _, seed := range []string{
		`{"request":"REQUEST","response":RESPONSE}`, `{"request":"REQUEST","response":{}}`, `{"request":"REQUEST","response":null,"passkey":"psk_x"}`, `{"request":"a.b.c"}`,
		`{"token":"TOKEN"}`, `{"token":"x"}`, `{"token":null}`, `{"state":"STATE","response":RESPONSE}`, `{"state":"STATE","response":[]}`, `{"state":"STATE"}`,
		`{"state":"\u0000","response":"\ud800"}`, `{}`, `[]`, `null`, ``, `{"request":"REQUEST","request":""}`, `{"state":"STATE","response":{"response":{"clientDataJSON":"e30"}}}`,
	} {
		for i := range paths {
			f.Add(uint8(i), seed)
		}
	}
	handler := s.Server.Handler()
	f.Fuzz(func(t *testing.T, path uint8, body string) {
		req := httptest.NewRequest(http.MethodPost, s.URL+"/embedded/"+paths[int(path)%len(paths)], strings.NewReader(fill.Replace(body)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req.WithContext(t.Context()))
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code >= http.StatusInternalServerError || len(w.Header().Values("Set-Cookie")) != 0 {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if w.Code >= http.StatusBadRequest && doc["code"] == "" || w.Code == http.StatusOK && doc["state"] == nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

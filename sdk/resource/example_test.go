package resource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/resource"
)

// Orders can be read with a scope; each payment needs the approval of a person.
func Example() { //nolint:testableexamples // it needs a server
	key, err := os.ReadFile("api.jwk") // what "assent client create --out api.jwk" wrote
	if err != nil {
		log.Fatal(err)
	}
	api, err := resource.New(context.Background(), resource.Config{
		Issuer:   "https://id.example.com",
		Resource: "https://api.example",
		ClientID: "svc_01kagxw5z0e9y8mpp6wknfsb2r",
		Key:      key,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()
	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "the orders of", resource.FromContext(r.Context()).Subject)
	})
	payments := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintln(w, "paid, as approved in", resource.FromContext(r.Context()).Approval.ID)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", api.Require(orders, "orders:read"))
	mux.Handle("POST /payments", api.Protect(payments, resource.Need{
		Scopes: []string{"orders:read"},
		Approval: &resource.Approval{Scope: "payments:write", Action: func(r *http.Request) (assent.Action, error) {
			var p struct{ To, Amount string }
			if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
				return assent.Action{}, errors.New("the payment is no JSON")
			}
			return assent.Action{Message: "Pay " + p.Amount + " to " + p.To, Details: map[string]string{"to": p.To, "amount": p.Amount}}, nil
		}},
	}))
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(server.ListenAndServe())
}

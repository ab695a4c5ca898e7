package assent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/assent-id/assent/sdk/assent"
)

func ExampleClient_Approve() { //nolint:testableexamples // it needs a server and a person
	ctx := context.Background()
	key, err := os.ReadFile("agent.jwk")
	if err != nil {
		log.Fatal(err)
	}
	client, err := assent.NewClient(ctx, assent.Config{
		Issuer:   "https://id.example.com",
		ClientID: "agt_01m7wd3hxfe5p9m79gcy8b27kp",
		Key:      key,
		OnAsked: func(r assent.Request) {
			fmt.Printf("Asked %s, number %s\n", r.Action.Person, r.Comparison)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	approval, err := client.Approve(ctx, assent.Action{
		Person:  "alex",
		Message: "Deploy shop 2.4.1 to production",
		Details: map[string]string{"service": "shop", "version": "2.4.1"},
	})
	switch {
	case errors.Is(err, assent.ErrDenied):
		log.Fatal("they said no")
	case err != nil:
		log.Fatal(err) // expired, unreachable, invalid: all of them mean no
	}
	fmt.Printf("%s approved, deploying\n", approval.Verified.Statement.Sub)
}

func ExampleTransport() { //nolint:testableexamples // it needs a server and a person
	ctx := context.Background()
	key, err := os.ReadFile("service.jwk")
	if err != nil {
		log.Fatal(err)
	}
	client, err := assent.NewClient(ctx, assent.Config{
		Issuer:   "https://id.example.com",
		ClientID: "svc_01m7wd3hxfe5p9m79gcy8b27kp",
		Key:      key,
	})
	if err != nil {
		log.Fatal(err)
	}
	bank := &http.Client{Transport: &assent.Transport{
		Client:   client,
		Scope:    "accounts:read",
		Resource: []string{"https://bank.example"},
		Person:   "alex", // who is asked where the bank wants an approval
		OnAsked:  func(r assent.Request) { fmt.Println("Asked, number", r.Comparison) },
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://bank.example/payments", strings.NewReader(`{"amount":"20 EUR"}`))
	if err != nil {
		log.Fatal(err)
	}
	resp, err := bank.Do(r)
	switch {
	case errors.Is(err, assent.ErrDenied):
		log.Fatal("they said no")
	case err != nil:
		log.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status, string(text))
}

func ExampleClient_Exchange() { //nolint:testableexamples // it needs a server
	ctx := context.Background()
	var client *assent.Client // of the API
	var callersToken string   // which the API has verified
	token, err := client.Exchange(ctx, assent.ExchangeRequest{
		SubjectToken: callersToken,
		Scope:        "orders:read",
		Audience:     []string{"https://db.example"},
	})
	switch {
	case errors.Is(err, assent.ErrActor):
		log.Fatal("the caller's token may not be used by this API")
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println("until", token.ExpiresAt)
}

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

const (
	nonceSize = 24
	tagSize   = 16
)

// xaes is XAES-256-GCM as c2sp.org/XAES-256-GCM defines it. It holds what does
// not change between messages: the block cipher of the key and the subkey K1.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	double(&x.k1)
	return x, nil
}

// double multiplies by x in GF(2^128), as CMAC makes its first subkey (NIST SP
// 800-38B, Section 6.1), without a branch on the key.
func double(b *[aes.BlockSize]byte) {
	var carry byte
	for i := len(b) - 1; i >= 0; i-- {
		next := b[i] >> 7
		b[i] = b[i]<<1 | carry
		carry = next
	}
	b[len(b)-1] ^= carry * 0b10000111
}

// derive returns AES-256-GCM under the key that the first half of the nonce
// selects: two blocks of CMAC in counter mode.
func (x *xaes) derive(nonce []byte) (cipher.AEAD, error) {
	var key [2 * aes.BlockSize]byte
	first, second := key[:aes.BlockSize], key[aes.BlockSize:]
	copy(first, []byte{0, 1, 'X', 0})
	copy(second, []byte{0, 2, 'X', 0})
	copy(first[4:], nonce[:12])
	copy(second[4:], nonce[:12])
	for i, k := range x.k1 {
		first[i] ^= k
		second[i] ^= k
	}
	x.block.Encrypt(first, first)
	x.block.Encrypt(second, second)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (x *xaes) NonceSize() int { return nonceSize }
func (x *xaes) Overhead() int  { return tagSize }

func (x *xaes) Seal(dst, nonce, plaintext, aad []byte) []byte {
	gcm, err := x.derive(nonce)
	if err != nil {
		panic("seal: " + err.Error()) // only for a key that is not 32 bytes long
	}
	return gcm.Seal(dst, nonce[12:], plaintext, aad)
}

func (x *xaes) Open(dst, nonce, ciphertext, aad []byte) ([]byte, error) {
	if len(nonce) != nonceSize {
		return nil, errors.New("seal: nonce of wrong length")
	}
	gcm, err := x.derive(nonce)
	if err != nil {
		return nil, err
	}
	return gcm.Open(dst, nonce[12:], ciphertext, aad)
}

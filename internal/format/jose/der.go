package jose

// JOSE writes an ES256 signature as two 32-byte big-endian numbers, the standard
// library as an ASN.1 SEQUENCE of two INTEGERs. Both directions are done on bytes
// here: numbers of this size have one-byte lengths, and the detour over big.Int
// would allocate.

const (
	es256Half   = 32
	es256Size   = 2 * es256Half
	es256MaxDER = 2 + 2*(2+1+es256Half)
)

// appendDER appends the ASN.1 form of a signature of es256Size bytes.
func appendDER(dst, signature []byte) []byte {
	start := len(dst)
	dst = append(dst, 0x30, 0)
	dst = appendInteger(dst, signature[:es256Half])
	dst = appendInteger(dst, signature[es256Half:])
	dst[start+1] = byte(len(dst) - start - 2)
	return dst
}

// appendInteger writes the shortest form: no leading zeros, except one before a
// byte that would make the number negative, and one for zero itself.
func appendInteger(dst, number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	if number[0] >= 0x80 {
		dst = append(dst, 0x02, byte(len(number)+1), 0)
	} else {
		dst = append(dst, 0x02, byte(len(number)))
	}
	return append(dst, number...)
}

// fromDER writes the two numbers of an ASN.1 signature into out. It reports false
// for anything that the standard library would not have produced.
func fromDER(out *[es256Size]byte, der []byte) bool {
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return false
	}
	rest, ok := takeInteger(out[:es256Half], der[2:])
	if !ok {
		return false
	}
	rest, ok = takeInteger(out[es256Half:], rest)
	return ok && len(rest) == 0
}

func takeInteger(out, der []byte) (rest []byte, ok bool) {
	if len(der) < 2 || der[0] != 0x02 || int(der[1]) > len(der)-2 {
		return nil, false
	}
	number, rest := der[2:2+der[1]], der[2+der[1]:]
	for len(number) > 0 && number[0] == 0 {
		number = number[1:]
	}
	if len(number) > len(out) {
		return nil, false
	}
	copy(out[len(out)-len(number):], number)
	return rest, true
}

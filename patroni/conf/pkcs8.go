package conf

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // the PRF's default in RFC 8018
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

var errKeyPassword = errors.New("cannot decrypt the key: its keyfile_password is wrong")

// The object identifiers of RFC 8018 and of NIST's AES, as far as OpenSSL uses them for keys.
const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"

	wantKey = "want PBES2, PBKDF2 and AES-CBC; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW"

	maxIterations = 10_000_000 // some seconds; OpenSSL writes 2048
)

// keyHashes are PBKDF2's pseudo-random functions; the empty name is the default.
var keyHashes = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// keyLengths are the lengths of AES-CBC's keys in bytes.
var keyLengths = map[string]int{
	"2.16.840.1.101.3.4.1.2":  16,
	"2.16.840.1.101.3.4.1.22": 24,
	"2.16.840.1.101.3.4.1.42": 32,
}

// oldSchemes are what OpenSSL encrypted keys with before 1.1.0, and still does where it is asked to
// (-v1): PBES1 of RFC 8018 and its kin in RFC 7292. The hashes and ciphers in them are broken, and
// no maintained library reads them.
var oldSchemes = map[string]string{
	"1.2.840.113549.1.5.1":    "pbeWithMD2AndDES-CBC",
	"1.2.840.113549.1.5.3":    "pbeWithMD5AndDES-CBC",
	"1.2.840.113549.1.5.4":    "pbeWithMD2AndRC2-CBC",
	"1.2.840.113549.1.5.6":    "pbeWithMD5AndRC2-CBC",
	"1.2.840.113549.1.5.10":   "pbeWithSHA1AndDES-CBC",
	"1.2.840.113549.1.5.11":   "pbeWithSHA1AndRC2-CBC",
	"1.2.840.113549.1.12.1.1": "pbeWithSHA1And128BitRC4",
	"1.2.840.113549.1.12.1.2": "pbeWithSHA1And40BitRC4",
	"1.2.840.113549.1.12.1.3": "pbeWithSHA1And3-KeyTripleDES-CBC",
	"1.2.840.113549.1.12.1.4": "pbeWithSHA1And2-KeyTripleDES-CBC",
	"1.2.840.113549.1.12.1.5": "pbeWithSHA1And128BitRC2-CBC",
	"1.2.840.113549.1.12.1.6": "pbeWithSHA1And40BitRC2-CBC",
}

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }

type pbkdf2Parameters struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// lockedKey is a private key as OpenSSL writes it when it is given a password: PBES2 with PBKDF2 and
// AES-CBC (RFC 8018). The standard library reads only keys without one.
type lockedKey struct {
	newHash            func() hash.Hash
	salt, iv, data     []byte
	iterations, length int // length is that of AES's key, in bytes
}

// decryptPKCS8 decrypts a [lockedKey].
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	if password == "" {
		return nil, errors.New("the key is encrypted, and neither ctl.keyfile_password nor restapi.keyfile_password is set")
	}
	key, err := parsePKCS8(der)
	if err != nil {
		return nil, err
	}
	return key.decrypt(password)
}

// parsePKCS8 reads how a key was encrypted.
func parsePKCS8(der []byte) (lockedKey, error) {
	var key encryptedKey
	var scheme pbes2
	var kdf pbkdf2Parameters
	var iv []byte
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return lockedKey{}, fmt.Errorf("no PKCS #8 key: %w", err)
	}
	if id := key.Algorithm.Algorithm.String(); id != oidPBES2 {
		return lockedKey{}, fmt.Errorf("the key is encrypted by %s, which vipctl cannot read, %s", cmp.Or(oldSchemes[id], id), wantKey)
	}
	for _, part := range []struct {
		from *asn1.RawValue
		into any
	}{{&key.Algorithm.Parameters, &scheme}, {&scheme.KDF.Parameters, &kdf}, {&scheme.Cipher.Parameters, &iv}} {
		if _, err := asn1.Unmarshal(part.from.FullBytes, part.into); err != nil {
			return lockedKey{}, fmt.Errorf("the key is encrypted by PBES2 in an unknown way (%w), %s", err, wantKey)
		}
	}
	newHash, length := keyHashes[kdf.PRF.Algorithm.String()], keyLengths[scheme.Cipher.Algorithm.String()]
	if scheme.KDF.Algorithm.String() != oidPBKDF2 ||
		newHash == nil || length == 0 || kdf.Iterations < 1 || kdf.Iterations > maxIterations || len(iv) != aes.BlockSize {
		return lockedKey{}, errors.New("the key is encrypted by PBES2 in an unknown way, " + wantKey)
	}
	return lockedKey{newHash: newHash, salt: kdf.Salt, iv: iv, data: key.Data, iterations: kdf.Iterations, length: length}, nil
}

func (k lockedKey) decrypt(password string) ([]byte, error) {
	derived, err := pbkdf2.Key(k.newHash, password, k.salt, k.iterations, k.length)
	if err != nil {
		return nil, err
	}
	return decryptCBC(derived, k.iv, k.data)
}

// decryptCBC decrypts and takes off the padding, whose shape is what tells a right password from a
// wrong one.
func decryptCBC(key, iv, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errKeyPassword
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, errKeyPassword
	}
	return plain[:len(plain)-pad], nil
}

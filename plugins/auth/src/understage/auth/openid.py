"""The OpenID discovery document: where tokens are issued and verified."""

from understage.auth.config import ALGORITHMS


def openid_configuration(base_url: str) -> dict[str, object]:
    """Returns the document, with the members and their order that Backstage has while its OAuth server is off.

    Args:
        base_url: the address of the auth plugin as browsers see it, without a trailing slash.
    """
    return {
        "issuer": base_url,
        "token_endpoint": f"{base_url}/v1/token",
        "userinfo_endpoint": f"{base_url}/v1/userinfo",
        "jwks_uri": f"{base_url}/.well-known/jwks.json",
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": ["openid"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["sub", "ent"],
        "grant_types_supported": ["authorization_code"],
        "authorization_endpoint": f"{base_url}/v1/authorize",
        "code_challenge_methods_supported": ["S256", "plain"],
    }

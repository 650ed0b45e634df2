"""The aggregates of who may come in and in whose name, with their commands and events."""

from domain import access, delegation, signing_in
from domain.access import ACCESS_KEY
from domain.aggregate import Aggregate
from domain.delegation import DELEGATION
from domain.signing_in import IDENTITY_PROVIDER, SIGN_IN

ACCESS: tuple[Aggregate, ...] = (
    Aggregate(
        decider=ACCESS_KEY,
        commands=(access.IssueAccessKey, access.RotateAccessKey, access.RevokeAccessKey),
        events=(access.AccessKeyIssued, access.AccessKeyReplaced, access.AccessKeyRevoked),
    ),
    Aggregate(
        decider=SIGN_IN,
        commands=(
            signing_in.GrantSignIn,
            signing_in.RevokeSignIn,
            signing_in.FollowDirectory,
        ),
        events=(signing_in.SignInGranted, signing_in.SignInRevoked),
    ),
    Aggregate(
        decider=IDENTITY_PROVIDER,
        commands=(signing_in.SetIdentityProvider, signing_in.RemoveIdentityProvider),
        events=(signing_in.IdentityProviderSet, signing_in.IdentityProviderRemoved),
    ),
    Aggregate(
        decider=DELEGATION,
        commands=(delegation.GiveDelegation, delegation.RevokeDelegation),
        events=(delegation.DelegationGiven, delegation.DelegationRevoked),
    ),
)

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halo.Contracts.Json;

/// <summary>Enum members as camelCase words; numbers are refused.</summary>
public sealed class CamelCaseEnumConverter<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where T : struct, Enum;

/// <summary>Enum members by their own names (<c>BigInt</c>); numbers are refused.</summary>
public sealed class NamedEnumConverter<T>() : JsonStringEnumConverter<T>(namingPolicy: null, allowIntegerValues: false)
    where T : struct, Enum;

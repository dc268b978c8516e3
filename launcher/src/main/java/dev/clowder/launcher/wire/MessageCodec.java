package dev.clowder.launcher.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Messages as JSON objects and back. The texts are Jackson's; what becomes of a record is done here, because its data
 * binding takes longer to begin than all the rest of what a worker does before it starts Tomcat, on each start of each one.
 *
 * <p>An object has a member for each component of the record, and {@code type}. Null is left out. When reading, what is
 * missing is null, 0, false or empty, and what is unknown is passed over: processes of two versions meet in an upgrade.
 * Thread-safe.
 */
final class MessageCodec {
    private static final String TYPE = "type";
    private static final JsonFactory JSON = new JsonFactory();

    private static final Map<String, Class<?>> MESSAGES = Stream.of(Message.class.getPermittedSubclasses())
            .collect(Collectors.toMap(Class::getSimpleName, Function.identity()));

    /** What is asked of a record type again and again. */
    private static final ClassValue<Shape> SHAPES = new ClassValue<>() {
        @Override
        protected Shape computeValue(Class<?> type) {
            return Shape.of(type);
        }
    };

    private record Shape(List<RecordComponent> components, Constructor<?> constructor) {
        static Shape of(Class<?> type) {
            RecordComponent[] components = type.getRecordComponents();
            try {
                Constructor<?> constructor = type.getDeclaredConstructor(
                        Stream.of(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
                constructor.setAccessible(true);
                for (RecordComponent component : components) {
                    component.getAccessor().setAccessible(true);
                }
                return new Shape(List.of(components), constructor);
            } catch (NoSuchMethodException e) {
                throw new IllegalStateException("a record has a constructor of its components", e);
            }
        }
    }

    private MessageCodec() {}

    static byte[] write(Message message) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField(TYPE, message.getClass().getSimpleName());
            writeComponents(message, json);
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }

    private static void writeComponents(Object of, JsonGenerator json) throws IOException {
        for (RecordComponent component : SHAPES.get(of.getClass()).components()) {
            Object value = get(component, of);
            if (value != null) {
                json.writeFieldName(component.getName());
                write(value, json);
            }
        }
    }

    private static @Nullable Object get(RecordComponent component, Object of) {
        try {
            return component.getAccessor().invoke(of);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("an accessor of " + of.getClass(), e);
        }
    }

    private static void write(Object value, JsonGenerator json) throws IOException {
        if (value instanceof String text) {
            json.writeString(text);
        } else if (value instanceof Boolean flag) {
            json.writeBoolean(flag);
        } else if (value instanceof Number number) {
            json.writeNumber(number.longValue());
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            for (Object element : list) {
                write(element, json);
            }
            json.writeEndArray();
        } else if (value instanceof Map<?, ?> map) {
            json.writeStartObject();
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                json.writeFieldName((String) entry.getKey());
                write(entry.getValue(), json);
            }
            json.writeEndObject();
        } else {
            json.writeStartObject();
            writeComponents(value, json);
            json.writeEndObject();
        }
    }

    /** @throws IOException if that is no message, with the reason */
    static Message read(byte[] bytes) throws IOException {
        Object tree;
        try (JsonParser json = JSON.createParser(bytes)) {
            json.nextToken();
            tree = tree(json);
            if (json.nextToken() != null) {
                throw new IOException("more than one message in a line");
            }
        }
        if (!(tree instanceof Map<?, ?> members) || !(members.get(TYPE) instanceof String type)) {
            throw new IOException("no message: an object with a type is expected");
        }
        Class<?> message = MESSAGES.get(type);
        if (message == null) {
            throw new IOException("no message has the type " + type);
        }
        return (Message) record(message, members);
    }

    /** A text, a number, a boolean, a list or a map; null for null. */
    private static @Nullable Object tree(JsonParser json) throws IOException {
        JsonToken token = json.currentToken();
        if (token == JsonToken.START_OBJECT) {
            Map<String, @Nullable Object> members = new LinkedHashMap<>();
            while (json.nextToken() != JsonToken.END_OBJECT) {
                String name = json.currentName();
                json.nextToken();
                members.put(name, tree(json));
            }
            return members;
        }
        if (token == JsonToken.START_ARRAY) {
            List<@Nullable Object> elements = new ArrayList<>();
            while (json.nextToken() != JsonToken.END_ARRAY) {
                elements.add(tree(json));
            }
            return elements;
        }
        if (token == null) {
            throw new IOException("no message: the line is empty");
        }
        return switch (token) {
            case VALUE_STRING -> json.getText();
            case VALUE_NUMBER_INT -> json.getLongValue();
            case VALUE_NUMBER_FLOAT -> json.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            default -> null;
        };
    }

    private static Object record(Class<?> type, Map<?, ?> members) throws IOException {
        Shape shape = SHAPES.get(type);
        @Nullable Object[] values = new Object[shape.components().size()];
        for (int i = 0; i < values.length; i++) {
            RecordComponent component = shape.components().get(i);
            Object member = members.get(component.getName());
            Type wanted = component.getGenericType();
            values[i] = member == null ? missing(wanted) : value(wanted, member, component.getName());
        }
        try {
            return shape.constructor().newInstance(values);
        } catch (InvocationTargetException e) {
            throw new IOException(type.getSimpleName() + " can't be this: " + e.getCause(), e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("a constructor of " + type, e);
        }
    }

    private static @Nullable Object missing(Type type) {
        if (type instanceof ParameterizedType generic) {
            return generic.getRawType() == List.class ? List.of() : Map.of();
        }
        if (type == int.class) {
            return 0;
        }
        return type == long.class ? (Object) 0L : type == boolean.class ? false : null;
    }

    private static Object value(Type type, Object member, String name) throws IOException {
        if (type instanceof ParameterizedType generic) {
            Type[] arguments = generic.getActualTypeArguments();
            if (generic.getRawType() == List.class && member instanceof List<?> elements) {
                return list(arguments[0], elements, name);
            }
            if (generic.getRawType() == Map.class && member instanceof Map<?, ?> members) {
                return map(arguments[1], members, name);
            }
        } else if (member instanceof Long number && (type == long.class || type == Long.class)) {
            return number;
        } else if (member instanceof Long number && type == int.class && number == number.intValue()) {
            return number.intValue();
        } else if ((member instanceof Boolean && type == boolean.class)
                || (member instanceof String && type == String.class)) {
            return member;
        } else if (member instanceof Map<?, ?> members && type instanceof Class<?> nested && nested.isRecord()) {
            return record(nested, members);
        }
        // Not the value, which may be a secret.
        throw new IOException(name + " can't be a " + member.getClass().getSimpleName());
    }

    private static List<?> list(Type type, List<?> elements, String name) throws IOException {
        List<Object> list = new ArrayList<>();
        for (Object element : elements) {
            list.add(element(type, element, name));
        }
        return list;
    }

    private static Map<String, ?> map(Type type, Map<?, ?> members, String name) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : members.entrySet()) {
            map.put((String) entry.getKey(), element(type, entry.getValue(), name));
        }
        return map;
    }

    private static Object element(Type type, @Nullable Object element, String name) throws IOException {
        if (element == null) {
            throw new IOException("nothing in " + name + " can be null");
        }
        return value(type, element, name);
    }
}

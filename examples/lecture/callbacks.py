# TensorFlow Callback: ModelCheckpoint, EarlyStopping
#
#     pyconvnet run examples/lecture/callbacks.py
#
# The cells as they are printed. Where one cannot run as printed, a line that starts with "# ERRATUM:" says what was
# changed; "# NOT PRINTED:" marks what the text leaves to the reader.

# %% [markdown]
# ## Callback Example
#
# 은닉층은 100개 노드를 가지는 신경망을 가지고서 FashionMNIST 데이터를 학습하는 경우, 다음 조건을 만족하는 코드를 각각
# 구현하고 결과를 확인 하시오
#
# 1. SGD(learning_rate=0.1), loss='sparse_categorical_crossentropy', epochs=50, val_loss 에 대해서 ModelCheckpint 콜백
#    구현
# 2. SGD(learning_rate=0.1), loss='sparse_categorical_crossentropy', epochs=50, val_loss 에 대해서 ModelCheckpint,
#    EarlyStopping 콜백 구현

# %%
# NOT PRINTED: the data, the network and how it is compiled.
from tensorflow.keras.datasets import fashion_mnist
from tensorflow.keras.layers import Flatten, Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import SGD

(x_train, t_train), (x_test, t_test) = fashion_mnist.load_data()
x_train = x_train / 255.0

def dense_network():
    model = Sequential()
    model.add(Flatten(input_shape=(28, 28, 1)))
    model.add(Dense(100, activation='relu'))
    model.add(Dense(10, activation='softmax'))
    model.compile(optimizer=SGD(learning_rate=0.1), loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    return model

model = dense_network()

# %% [markdown]
# ## ModelCheckpoint

# %%
from tensorflow.keras.callbacks import ModelCheckpoint
file_path = './modelchpoint_test.h5'
                                            # 저장할 file path
checkpoint = ModelCheckpoint(file_path, # 저장할 file path
                        monitor='val_loss', # val_loss 값이 개선되었을때 호출
                        verbose=1, #/og 출력
                        save_best_only=True, # best 값만 저장
                        mode='auto') # auto는 자동으로 best를 찾음
hist = model.fit(x_train, t_train,
              epochs=50, validation_split=0.2,
              callbacks=[checkpoint])

# %% [markdown]
# ## EarlyStopping

# %%
# NOT PRINTED: the network anew, so that the second run is no continuation of the first.
model = dense_network()

# %%
# ERRATUM: "verbose=1." is printed where "verbose=1," is meant.
from tensorflow.keras.callbacks import ModelCheckpoint, EarlyStopping
file_path = './modelchpoint_test.h5'
                                       # 저장할 file path
checkpoint = ModelCheckpoint(file_path, # 저장할 file_path
                        monitor='val_loss', # val_loss 값이 개선되었을때 호출
                        verbose=1, # /og 출력
                        save_best_only=True, # best 값만 저장
                        mode='auto') # auto는 자동으로 best를 찾음
stopping = EarlyStopping(monitor='val_loss', # 관찰대상은 val_loss'
                    patience=5)
                                          #5 epoch 동안 개선되지 않으면 조기종료
hist = model.fit(x_train, t_train,
              epochs=50, validation_split=0.2,
              callbacks=[checkpoint, stopping])
